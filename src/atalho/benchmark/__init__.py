"""What a network costs on this machine: latency, memory and energy, each measured in a process of its own."""
