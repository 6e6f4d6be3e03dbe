"""The table of a network: its layers, and what is derived from them without running it (shapes, cost, receptive field, memory) or built (a module)."""
