"""Networks measured at several moments of their training, to show why depth works; the records are kept in a folder."""
