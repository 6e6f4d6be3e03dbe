"""The campaign: tries to break atalho, counts what it tried, and what must never happen."""
