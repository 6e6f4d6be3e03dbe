"""How a trained network answers: accuracy on a data set or a folder, and labels for single pictures."""
