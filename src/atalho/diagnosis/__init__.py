"""Networks examined at moments of their training: why depth works, as records in a folder."""
