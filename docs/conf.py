"""How Sphinx builds the site: `make docs` writes it into `docs/_build/html`."""

import sys
from pathlib import Path

import atalho

sys.path.insert(0, str(Path(__file__).parent))  # this folder's own extensions

project = "atalho"
version = release = atalho.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "accessible", "generated"]
exclude_patterns = ["_build"]
smartquotes_action = "D"  # dashes between a parameter and its meaning; quotation marks stay
myst_heading_anchors = 3  # `page.md#a-heading` is a link

# Docstrings write code between single backticks.
default_role = "literal"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
maximum_signature_line_length = 90

html_theme = "furo"
html_title = "atalho"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
