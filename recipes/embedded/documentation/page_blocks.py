"""The texts of an HTML page, block by block."""

from __future__ import annotations

import html.parser
import re

from recipes.embedded.documentation.wording import clean


class PageBlocks(html.parser.HTMLParser):
    """Collects the headings, paragraphs, list items and definitions of a page, in order."""

    blocks_of = frozenset(
        {"p", "li", "dd", "dt", "pre", "h1", "h2", "h3", "h4", "h5", "title", "td", "th"}
    )
    skipped = frozenset(
        {"script", "style", "nav", "header", "footer", "table", "svg", "form", "button"}
    )
    skipped_classes = re.compile(
        r"sphinxsidebar|navheader|navfooter|\brelated\b|toctree|breadcrumb|sidebar|admonition-title|"
        r"headerlink|menu|\btoc\b|footnotes|copyright|viewcode|apimeta|langmenu|\bqv\b|out-of-band"
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str]] = []
        self._tag = ""
        self._text: list[str] = []
        self._closes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._closes:
            if tag == self._closes[-1]:
                self._closes.append(tag)
            return
        classes = " ".join(value or "" for name, value in attrs if name in ("class", "id", "role"))
        boxed = tag in ("div", "a", "span", "ul", "ol", "section", "p", "aside")
        if tag in self.skipped or (boxed and self.skipped_classes.search(classes)):
            self._closes.append(tag)
        elif tag in self.blocks_of or tag == "div":
            self._flush()
            self._tag = tag if tag != "div" else "p"
        elif tag == "br":
            self._text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._closes:
            if tag == self._closes[-1]:
                self._closes.pop()
        elif tag in self.blocks_of or tag == "div":
            self._flush()

    def handle_data(self, data: str) -> None:
        if not self._closes:
            self._text.append(data)

    def _flush(self) -> None:
        if text := clean("".join(self._text)):
            self.found.append((self._tag or "p", text))
        self._tag, self._text = "p", []
