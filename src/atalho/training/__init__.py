"""Training: the loop, its step, checkpoints, and a run's folder, which a killed run goes on from to the same bits."""
