"""Points, bars and lines → charts: axes, labels, colours, and the drawing itself."""
