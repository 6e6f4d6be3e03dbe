"""One function a command, with the same defaults, and the few that a notebook wants beside them; `atalho` has them by name."""
