"""A Sphinx extension: what the theme leaves out for keyboards and screen readers is added to the pages when they are written.

Code that is wider than the screen can be reached and scrolled by keyboard, and the captions of the navigation have a level.
Parameters on lines of their own, which Sphinx writes as definitions without terms, are read as plain text.
"""

from sphinx.application import Sphinx

REPLACED = {
    "<pre>": '<pre tabindex="0">',
    'role="heading">': 'role="heading" aria-level="2">',
    "<dl>": '<dl role="presentation">',
    "<dd><em": '<dd role="presentation"><em',
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this when the site is built."""
    app.connect("build-finished", _complete)
    return {"parallel_read_safe": True}


def _complete(app: Sphinx, error: Exception | None) -> None:
    if error:
        return
    for page in app.outdir.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for incomplete, complete in REPLACED.items():
            text = text.replace(incomplete, complete)
        page.write_text(text, encoding="utf-8")
