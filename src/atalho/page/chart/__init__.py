"""Charts: bars, lines, scatter plots and heat maps, their axes, labels and colours, and how they become SVG and PNG."""
