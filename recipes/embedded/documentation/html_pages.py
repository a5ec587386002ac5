"""Sections of HTML pages: headings, questions, first sentences and defined terms."""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from recipes.embedded.documentation.page_blocks import PageBlocks
from recipes.embedded.documentation.wording import (
    DROPPED_HEADINGS,
    GENERIC_HEADINGS,
    VERB_FORMS,
    Pair,
    as_question,
    clean,
    cut,
    first_sentence,
    plain,
    with_negatives,
)

# Packages read as HTML, by name of the source.
HTML_PACKAGES = {
    "postgresql_docs": ["postgresql-doc-15"],
    "sqlite_docs": ["sqlite3-doc"],
    "django_docs": ["python-django-doc"],
    "apache_docs": ["apache2-doc"],
    "debian_docs": [
        "debian-faq",
        "debian-handbook",
        "debian-reference-en",
        "developers-reference",
        "debian-policy",
        "maint-guide",
        "debmake-doc",
    ],
    "python_library_docs": [
        "python-sqlalchemy-doc",
        "python-flask-doc",
        "python-celery-doc",
        "python-scrapy-doc",
        "python-jinja2-doc",
        "python-requests-doc",
    ],
    "tool_docs": [
        "git-doc",
        "cmake-doc",
        "postfix-doc",
        "haproxy-doc",
        "varnish-doc",
        "rsyslog-doc",
        "golang-1.19-doc",
        "zsh-doc",
        "nodejs-doc",
        "exim4-doc-html",
        "r-doc-html",
        "autoconf-doc",
        "fetchmail",
        "mutt",
    ],
}


_INLINE = re.compile(
    r"(?s)</?(span|a|em|code|strong|b|i|tt|cite|var|kbd|sup|sub|font|small)\b[^>]*>|<!--.*?-->|"
    r"<(script|style)\b.*?</\2>"
)

PAGES = 500


def html_pages(folder: Path, packages: Iterable[str], order: random.Random) -> Iterator[Pair]:
    """Yield headings, first sentences and defined terms with the text of their sections."""
    for package in packages:
        root = folder / "deb" / package / "usr" / "share"
        files = [
            file
            for file in sorted(root.rglob("*"))
            if re.search(r"\.html?(\.gz|\.en)?$", file.name)
        ]
        files = [
            file
            for file in files
            if file.is_file()
            and not file.is_symlink()
            and not _is_other_page(str(file.relative_to(root)))
        ]
        for file in order.sample(files, min(PAGES, len(files))):
            data = file.read_bytes()
            data = gzip.decompress(data) if file.suffix == ".gz" else data
            parser = PageBlocks()
            # Marks within a line are most of a page's tags, and are not needed.
            parser.feed(_INLINE.sub("", data[:300_000].decode("utf-8", "replace")))
            group = list(_section_pairs(parser.found, order))
            yield from with_negatives(group, order)


def _is_other_page(name: str) -> bool:
    language = re.search(
        r"/(?!en)([a-z]{2}(-[A-Z]{2}|-[a-z]{2})?)(-\w+)?/|\.(?!en\b)[a-z]{2}\.html$", name
    )
    other = language and re.search(
        r"handbook|apache|debmake|maint-guide|policy|reference|faq", name
    )
    return bool(
        other
        or re.search(
            r"(?i)genindex|requirements\.html|matrix|syntax/|py-modindex|search\.html|release|changelog|changes|_modules|/releases/|relnot"
            r"|whatsnew|license|copyright|\.ja\.html|/(de|fr|ja|es|it|ko|ru|zh|pt|nl|tr|da|id)[-/]",
            name,
        )
    )


def _section_pairs(blocks: list[tuple[str, str]], order: random.Random) -> Iterator[Pair]:
    title = heading = term = ""
    page_title = next((text for tag, text in blocks if tag == "title"), "")
    page_title = re.split(r"\s+[\u2014|\u00bb\u2013-]\s+|: ", page_title)[0]
    body: list[str] = []
    for tag, text in [*blocks, ("h2", "")]:
        if tag == "title":
            continue
        if re.fullmatch(r"h\d", tag):
            yield from _section_pair(heading, title or _heading(page_title), body, order)
            heading, body, term = _heading(text), [], ""
            title = heading if tag == "h1" or not title else title
        elif tag == "dt":
            term = text
            body.append(text)
        else:
            if term and tag in ("p", "dd"):
                yield from _term_pair(term, title, text, order)
                term = ""
            body.append(text)


def _heading(text: str) -> str:
    text = re.sub(
        r"^(Chapter |Appendix |Section |Q|\u00a7)?[A-Z]?(\d+\.?)+(?=\s|$)[.:)]?|[#\u00b6]+$",
        "",
        text,
    )
    return clean(re.sub(r"^[A-Z]\.(\d+\.)+\s*|^\.\s*", "", text.strip()))


def _section_pair(
    heading: str, title: str, body: list[str], order: random.Random
) -> Iterator[Pair]:
    text = " ".join(body)
    if not heading or DROPPED_HEADINGS.match(heading) or len(text.split()) < 25:
        return
    words = heading.split()
    short = len(words) < 3 or heading.lower() in GENERIC_HEADINGS
    query = heading
    if short and title.lower() not in heading.lower():
        query = f"{title} {heading.lower()}" if order.random() < 0.5 else f"{heading} in {title}"
        if heading.lower() in ("description", "overview", "introduction", "name", "summary"):
            query = title
    elif heading.split()[0].lower() in VERB_FORMS and heading.split()[0].lower().endswith("ing"):
        query = as_question(heading, order)
    elif (
        order.random() < 0.3 and not heading.endswith("?") and title.lower() not in heading.lower()
    ):
        query = f"{heading} {title}"
    shown = title if title and title.lower() not in query.lower() and title != heading else ""
    if len(words) <= 25:
        yield {"query": query, "positive": cut(text), **({"title": shown} if shown else {})}
    # A long section's middle is found by its own first sentence.
    for start in range(1, len(body)):
        sentence, rest = first_sentence(body[start])
        if 6 <= len(sentence.split()) <= 20 and len(rest.split()) >= 35 and order.random() < 0.35:
            yield {
                "query": as_question(sentence.strip(), order), "positive": cut(rest),
                "title": " ".join(dict.fromkeys(filter(None, (title, heading)))),
            }  # fmt: skip


def _term_pair(term: str, title: str, text: str, order: random.Random) -> Iterator[Pair]:
    sentence, rest = first_sentence(text)
    if not (5 <= len(sentence.split()) <= 25 and len(text.split()) >= 20 and len(term) < 200):
        return
    kept = rest if len(rest.split()) >= 15 and order.random() < 0.75 else text
    yield {
        "query": as_question(plain(sentence), order),
        "positive": cut(f"{term}: {kept}"),
        "title": title,
    }
