"""`python -m atalho`: the command line."""

from atalho.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
