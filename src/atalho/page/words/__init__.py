"""The sentences of the page, and how it writes numbers: one subject in a file."""
