"""A page of HTML as a test looks at it, and text that is hostile to it."""

from html.parser import HTMLParser

HOSTILE = "\"'><script>alert(1)</script>{{ 7 * 7 }}"
"""Text that a page must show as text: it would end an attribute, run a script, or be computed by a template."""


class Page(HTMLParser):
    """What a browser would find: tags, attributes, inline scripts and styles, visible text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.attributes: list[tuple[str, str, str]] = []
        self.inline: dict[str, list[str]] = {"script": [], "style": []}
        self.words: list[str] = []
        self.open: list[tuple[str, str]] = []
        self.feed(text)
        self.text = " ".join("".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.open.append((tag, dict(attrs).get("type") or ""))

    def handle_data(self, data: str) -> None:
        tag, kind = self.open[-1] if self.open else ("", "")
        if tag in self.inline and self.cdata_elem:
            if kind != "application/json":
                self.inline[tag].append(data)
        else:
            self.words.append(data)


def contrast(one: str, other: str) -> float:
    """WCAG 2.1's contrast ratio."""

    def luminance(colour: str) -> float:
        channels = [c / 255 for c in bytes.fromhex(colour[1:])]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)
