"""Which network to take under limits, and what relaxing a limit would buy; from records alone."""
