"""The machine that networks run on: its device and threads, the precision, and several processes that work as one."""
