"""A network explained from its table alone: recomputed beside what its paper prints, its cost by row, its drawing."""
