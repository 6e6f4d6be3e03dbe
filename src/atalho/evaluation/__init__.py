"""What a trained network makes of images: its accuracy on a data set or a folder, and labels for single pictures."""
