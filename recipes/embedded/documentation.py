"""Training pairs from software documentation: unpacked packages to one file of pairs a source.

The folder given holds `deb/PACKAGE` (what `dpkg-deb -x` unpacked), `whl/` (wheels of packages whose
docstrings are read, as they came), `site` (a link to a site-packages folder) and `Translation-en`
(Debian's package descriptions). Nothing is imported or run from it. What Python's own standard
library says is left out wherever it is met, as a development set is made of it.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import html.parser
import inspect
import itertools
import json
import random
import re
import sys
import sysconfig
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Pair = dict[str, Any]

SEED = 20
PASSAGE_CHARACTERS = 1000
NEGATIVE_CHARACTERS = 700
NEGATIVES = 4

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
# Together some nine million tokens of queries and positives.
LIMITS = {
    "debian_packages": 6500,
    "docstrings": 9500,
    "manual_pages": 7500,
    "foldoc": 6000,
    "tool_docs": 4000,
}
HTML_LIMIT = 5000

# Copies of parts of the standard library, and what is not documentation.
SKIPPED_MODULES = {
    "multiprocess", "typing_extensions", "cloudpickle", "dill", "regex", "mypy", "mypyc", "pip",
    "setuptools", "_distutils_hack", "pkg_resources", "typing_inspection", "lance_namespace",
    "lance_namespace_urllib3_client", "google", "openvino", "py", "secondpass", "exceptiongroup",
    "overrides", "ast_serialize",
}  # fmt: skip
SKIPPED_FOLDERS = {
    "tests", "test", "testing", "_vendor", "vendor", "extern", "externals", "vendored",
    "_distutils", "typeshed", "node_modules", "locale", "migrations", "benchmarks", "_pyinstaller",
    "compat",
}  # fmt: skip

GENERIC_HEADINGS = {
    "description", "synopsis", "notes", "note", "examples", "example", "overview", "introduction",
    "usage", "options", "parameters", "arguments", "author", "compatibility", "name", "summary",
    "background", "limitations", "details", "caveats", "configuration", "installation",
    "requirements", "outputs", "output", "warning", "environment", "diagnostics", "files",
    "discussion", "format", "general", "preface", "methods", "functions", "conclusion",
}  # fmt: skip
DROPPED_HEADINGS = re.compile(
    r"(?i)^(see also|copyrights?|licen[sc]es?|authors?|availability|table of contents|contents|"
    r"index|navigation|bugs|reporting bugs|acknowledge?ments?|git|quick search|this page|history|"
    r"credits|related topics|previous topic|next topic|references|comments|trademarks|"
    r"bibliography|user contributions|found a problem.*|additional information|getting help|"
    r"browse)$"
)
BOILERPLATE = re.compile(
    r"(?i)all rights reserved|permission is hereby granted|free software foundation, inc|"
    r"without warranty|redistribute it and/or modify|enable javascript|table of contents"
)

VERBS = re.findall(
    r"\w+",
    """
    add adjust align allocate append apply assign attach build calculate call change check
    choose clean clear close collect combine compare compile compute configure connect
    construct convert copy count create decode decompose define delete detect determine
    disable display divide download draw drop dump emit enable encode ensure estimate evaluate
    execute expand export extract fetch fill filter find fit flatten format generate get give
    handle identify implement import initialize insert inspect install integrate interpolate
    invert iterate join list load locate log look make manage map mark mask match measure
    merge migrate modify monitor move multiply normalize open optimize override parse pass
    perform place plot predict prepare print process produce project query raise read rebuild
    record reduce register remove rename render reorder repeat replace report represent reset
    reshape resize resolve restore retrieve return reverse rotate round run sample save scale
    search select send serialize set shift show simplify solve sort specify split start stop
    store strip sum swap test trace train transform translate truncate unpack update upgrade
    upload use validate verify wait wrap write yield
    """,
)
REPHRASED = {"return": "get", "yield": "iterate over", "give": "get", "retrieve": "get"}


def _verb_forms() -> dict[str, str]:
    forms = {}
    for verb in VERBS:
        ends = ("es",) if re.search(r"(s|x|ch|sh|z)$", verb) else ("s",)
        third = verb[:-1] + "ies" if re.search(r"[^aeiou]y$", verb) else verb + ends[0]
        stem = verb[:-1] if verb.endswith("e") else verb
        gerunds = [stem + "ing", verb + verb[-1] + "ing"]
        for form in (verb, third, *gerunds):
            forms[form] = verb
    return forms


VERB_FORMS = _verb_forms()


def clean(text: str) -> str:
    """Return the text on one line, with single spaces."""
    return re.sub(r"\s+", " ", text.replace("\u00b6", " ").replace("\xad", "")).strip()


def cut(text: str, characters: int = PASSAGE_CHARACTERS) -> str:
    """Return the start of the text, cut between words."""
    if len(text) <= characters:
        return text
    return text[: characters + 1].rsplit(None, 1)[0]


def first_sentence(text: str) -> tuple[str, str]:
    """Split a text behind its first sentence."""
    for match in re.finditer(r"[.?!:]['\")]?(?=\s+[A-Z`*(\"'\[\d-])|[.?!]$", text):
        before = text[: match.end()]
        if not re.search(r"(?i)\b(e\.g|i\.e|vs|cf|etc|resp|no|fig|eq|[A-Z])\.$", before):
            return before.strip(), text[match.end() :].strip()
    return text.strip(), ""


def plain(text: str) -> str:
    """Strip reStructuredText, Markdown and TeX marks from a sentence."""
    text = re.sub(r":[\w:+-]+:`~([\w.]*\.)?(\w+)`", r"\2", text)
    text = re.sub(r":[\w:+-]+:`([^`<]+?)(\s*<[^>`]*>)?`", r"\1", text)
    text = re.sub(r"`([^`<]+?)\s*<[^>`]+>`_*", r"\1", text)
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\[[\w#]+\]_", "", text)
    text = re.sub(r"`{1,2}([^`]*)`{1,2}_{0,2}", r"\1", text)
    text = re.sub(r"(?<!\w)\*{1,2}([^*]+)\*{1,2}(?!\w)", r"\1", text)
    return clean(text.replace("\\", ""))


def as_question(sentence: str, order: random.Random) -> str:
    """Return a sentence as it is, as a search for it, or as a question if it tells what to do."""
    sentence = sentence.rstrip(".: ")
    word, _, rest = sentence.partition(" ")
    verb = VERB_FORMS.get(word.lower())
    choice = order.random()
    if verb and rest and choice < 0.55:
        asked = REPHRASED.get(verb, verb)
        start = order.choice(["how do I", "how to", "How do I", "how can I", "function to", ""])
        end = "?" if start == "How do I" else ""
        return f"{start} {asked} {rest}{end}".strip()
    if choice < 0.8:
        lowered = word if word[1:].lower() != word[1:] else word.lower()
        return f"{lowered} {rest}".strip()
    return sentence + ("" if choice < 0.9 else ".")


def normal(text: str) -> str:
    """Return a text as words in lower case, to compare by."""
    return " ".join(re.findall(r"\w+", text.lower()))


def with_negatives(group: list[Pair], order: random.Random) -> Iterator[Pair]:
    """Give each pair of a group other pairs' positives as negatives."""
    for pair in group:
        others = [other for other in group if other["positive"] != pair["positive"]]
        chosen = order.sample(others, min(NEGATIVES, len(others)))
        negatives = [cut(other["positive"], NEGATIVE_CHARACTERS) for other in chosen]
        yield {**pair, "negatives": list(dict.fromkeys(negatives))}


# --- Debian's descriptions


def debian_packages(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield a synopsis, or a search made of it, with a package's long description."""
    skipped = re.compile(
        r"-(dbg|dbgsym|dev|doc|docs|data|common|l10n|locale|i18n)(-|$)|-l10n-|^(lib\w+-perl|python3\.|"
        r"idle|hunspell-|aspell-|myspell-|hyphen-|mythes-|task-|language-|firmware-|linux-(image|head"
        r"ers)|golang-.*-dev|librust-|r-cran-|manpages-|gcc-|g\+\+-|cpp-|libghc-|libkf5|fonts-|"
        r"libpython|python3-doc|elpa-|node-)|-cross$|\d-(dev|dbg)"
    )
    seen: set[str] = set()
    for stanza in (folder / "Translation-en").read_text("utf-8").split("\n\n"):
        match = re.match(r"Package: (\S+)\n.*?Description-en: (.+?)\n((?: .*\n?)+)", stanza, re.S)
        if not match or skipped.search(match[1]):
            continue
        name, synopsis, body = match[1], clean(match[2]), match[3]
        paragraphs = [clean(part) for part in re.split(r"\n \.\s*\n", body.strip("\n"))]
        paragraphs = [
            part
            for part in paragraphs
            if not re.match(r"(?i)this (meta)?package (contains|provides|depends|is)", part)
            or len(paragraphs) == 1
        ]
        text = " ".join(paragraphs)
        key = " ".join(normal(text).split()[:12])
        dull = re.search(
            r"(?i)transitional|dummy|metapackage|debug symbols|translations?\b", synopsis
        )
        if dull or key in seen or len(text.split()) < 25 or len(synopsis.split()) < 3:
            continue
        seen.add(key)
        synopsis = re.sub(r"\s*\([^)]*\)$", "", synopsis)
        start = order.choice(["", "", "", "", "package for ", "Debian package: "])
        lowered = synopsis[0].lower() + synopsis[1:] if not synopsis[:2].isupper() else synopsis
        if re.match(r"(?i)(lib)?\w*(library|package|program|tool|module)s? (for|to)", synopsis):
            start = ""
        query = order.choice([synopsis, lowered]) if not start else start + lowered
        yield {"query": query, "positive": f"{name}: {cut(text, 900)}"}


# --- Docstrings


def docstrings(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield the summaries of docstrings with name, signature and the rest, for each package."""
    for package, files in sorted(_python_files(folder).items()):
        pairs = [pair for name, code in files for pair in _module_pairs(name, code, order)]
        order.shuffle(pairs)
        yield from pairs[: 1000 if package != "torch" else 1500]


def _python_files(folder: Path) -> dict[str, Iterable[tuple[str, bytes]]]:
    packages: dict[str, Iterable[tuple[str, bytes]]] = {}
    for wheel in sorted((folder / "whl").glob("*.whl")):
        packages[wheel.name.split("-")[0]] = _in_wheel(wheel)
    for path in sorted((folder / "site").iterdir()):
        if path.is_dir() and path.name.isidentifier() and path.name not in packages:
            packages[path.name] = _in_folder(path)
    return {name: files for name, files in packages.items() if name not in SKIPPED_MODULES}


def _in_wheel(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".py") and _is_public(Path(name)):
                yield name, archive.read(name)


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder.parent)
        if _is_public(name):
            yield str(name), path.read_bytes()


def _is_public(path: Path) -> bool:
    named = [part for part in path.parts if part != "__init__.py"]
    # Numpy, SciPy and scikit-learn keep much of what is public in private files.
    hidden = any(part.startswith("__") for part in named)
    return not hidden and not SKIPPED_FOLDERS.intersection(path.parts) and "test_" not in path.name


def _module_pairs(file: str, code: bytes, order: random.Random) -> list[Pair]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return []
    parts = [part for part in Path(file).with_suffix("").parts if part != "__init__"]
    name = ".".join(part for part in parts if not part.startswith("_"))
    pairs = [pair for entry in _documented(tree, name) if (pair := _docstring_pair(*entry, order))]
    return list(with_negatives(pairs, order))


def _documented(node: Any, name: str) -> Iterator[tuple[str, str, str]]:
    docstring = ast.get_docstring(node)
    if docstring:
        yield name, _signature(node), docstring
    if isinstance(node, ast.Module | ast.ClassDef):
        for child in node.body:
            kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            if isinstance(child, kinds) and not child.name.startswith("_"):
                yield from _documented(child, f"{name}.{child.name}")


def _signature(node: ast.AST) -> str:
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        return f"class {node.name}({bases})" if bases else f"class {node.name}"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        prefix = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
        return f"{prefix} {node.name}({ast.unparse(node.args)}){returns}"
    return ""


def _docstring_pair(name: str, signature: str, docstring: str, order: random.Random) -> Pair | None:
    paragraph, _, after = docstring.partition("\n\n")
    summary, rest = first_sentence(clean(paragraph))
    # A signature as the first line, and headings, are no summary.
    bad = re.match(
        r"(?i)[\w.]+\s*\(|[=\-*#.>]|deprecated|copyright|usage:|args:|parameters|:", summary
    )
    left = f"{rest}\n\n{after}".strip() if rest else after.strip()
    left = re.sub(r"^[=\-~]{3,}\n*|\.\. versionadded::.*\n?", "", left).strip()
    if bad or not 3 <= len(summary.split()) <= 30 or len(left.split()) < 25:
        return None
    kept = left if order.random() < 2 / 3 else docstring
    text = "\n".join(filter(None, (name, cut(signature, 300), kept)))
    return {"query": as_question(plain(summary), order), "positive": cut(text)}


# --- Manual pages


def manual_pages(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield what a page or an option is for with the page's or the option's text."""
    for file in sorted((folder / "deb").glob("*/usr/share/man/man[1-8]/*.gz")):
        package = file.parts[file.parts.index("deb") + 1]
        if file.is_symlink() or package == "perl-doc":
            continue
        source = gzip.decompress(file.read_bytes()).decode("utf-8", "replace")
        if source.startswith(".so ") or ".Dd" in source[:3000]:
            continue
        name = file.name.split(".")[0]
        yield from with_negatives(list(_page_pairs(name, _roff_blocks(source), order)), order)


def _page_pairs(
    name: str, blocks: list[tuple[str, str, str]], order: random.Random
) -> Iterator[Pair]:
    about = next((text for section, kind, text in blocks if section == "NAME"), "")
    about = re.sub(r"^.*?\s[-\u2014]+\s+", "", about).strip()
    told = [text for section, kind, text in blocks if section == "DESCRIPTION" and kind == "p"]
    body = " ".join(told[:4])
    if len(about.split()) >= 2 and len(body.split()) >= 25:
        yield {"query": as_question(about, order), "positive": cut(body), "title": name}
    for section, kind, text in blocks:
        if DROPPED_HEADINGS.match(section) or section in ("NAME", "SYNOPSIS"):
            continue
        if kind == "p":
            sentence, rest = first_sentence(text)
            if (
                5 <= len(sentence.split()) <= 22
                and len(rest.split()) >= 25
                and order.random() < 0.4
            ):
                query = as_question(sentence, order)
                yield {"query": query, "positive": cut(rest), "title": f"{name} {section.lower()}"}
        elif len(text.split()) >= 15:
            sentence, rest = first_sentence(text)
            if not 4 <= len(sentence.split()) <= 22:
                continue
            kept = rest if len(rest.split()) >= 15 and order.random() < 0.7 else text
            query = as_question(sentence, order)
            if kept is text and order.random() < 0.6:
                query = f"{name} {query}"
            yield {"query": query, "positive": cut(f"{name} {kind}: {kept}".replace('":', ":"))}


def _roff_blocks(source: str) -> list[tuple[str, str, str]]:
    """Return section, "p" or a tag, and text of each paragraph of a page in the man macros."""
    blocks: list[tuple[str, str, str]] = []
    section, tag, text = "", "p", []
    expects_tag = skipping = False

    def close() -> None:
        if joined := clean(" ".join(text)):
            blocks.append((section, tag, joined))
        text.clear()

    for line in source.split("\n"):
        macro, _, argument = line[1:].strip().partition(" ") if line[:1] in ".'" else ("", "", line)
        if macro in ("nf", "TS", "EX", "de"):
            skipping = True
        elif macro in ("fi", "TE", "EE", ".") and line[:1] in ".'":
            skipping = False
        elif skipping and macro not in ("SH", "SS"):
            continue
        elif macro in ("SH", "SS"):
            close()
            skipping = False
            section, tag = (_roff_text(argument) if macro == "SH" else section), "p"
        elif macro in ("PP", "P", "LP", "sp", "HP"):
            if macro != "sp" or tag == "p":
                close()
                tag = "p"
        elif macro in ("TP", "TQ"):
            close()
            expects_tag = True
        elif macro == "IP":
            close()
            given = _roff_text(argument)
            tag = re.sub(r"\"? \d+$", "", given)
            tag = tag if re.search(r"[A-Za-z]\w|-\w", tag) else "p"
        elif (
            macro in ("B", "I", "BR", "RB", "IR", "RI", "BI", "IB", "SM", "UR")
            or line[:1] not in ".'"
        ):
            joined = macro in ("BR", "RB", "IR", "RI", "BI", "IB")
            words = _roff_text(argument, joined)
            if expects_tag:
                tag, expects_tag = words, False
            else:
                text.append(words)
    close()
    return blocks


def _roff_text(line: str, joined: bool = False) -> str:
    if joined:
        parts = re.findall(r'"([^"]*)"|(\S+(?:\\ \S*)*)', line)
        line = "".join(first or second for first, second in parts)
    line = re.sub(
        r"\\f(\[\w*\]|\(..|.)|\\s[-+]?\d|\\[&|^/,c:%)]|\\m\[\w*\]|\\\*\(..|\\k:", "", line
    )
    named = {
        "aq": "'",
        "dq": '"',
        "lq": '"',
        "rq": '"',
        "cq": "'",
        "oq": "'",
        "bu": "",
        "em": "-",
        "en": "-",
    }
    line = re.sub(r"\\[(\[](\w\w)\]?", lambda match: named.get(match[1], ""), line)
    line = re.sub(r'\\".*$', "", line)
    line = line.replace("\\-", "-").replace("\\e", "\\").replace("\\ ", " ").replace("\\~", " ")
    return line.replace("\\", "").strip().strip('"')


# --- HTML


class _Blocks(html.parser.HTMLParser):
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
            parser = _Blocks()
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


# --- Rust's library


def rust_docs(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield an item's summary with its path and the rest of its text."""
    groups: dict[Path, list[Pair]] = defaultdict(list)
    for root in (folder / "deb" / "rust-doc").glob("usr/share/doc/rust*/html/std"):
        for file in sorted(root.rglob("*.html")):
            if (
                not re.search(r"/arch/|/all\.html|/os/|intrinsics", str(file))
                and not file.is_symlink()
            ):
                page = file.read_text("utf-8", "replace")
                path = "::".join(
                    (*file.relative_to(root.parent).parts[:-1], file.name.split(".")[-2])
                )
                groups[file].extend(_rust_pairs(page, path, order))
    for group in groups.values():
        yield from with_negatives(group, order)


def _rust_pairs(page: str, path: str, order: random.Random) -> Iterator[Pair]:
    # Each method's heading comes before its text; an item's own text comes first.
    pieces = re.split(r'<(?:section|div) id="(?:ty)?method\.(\w+)[^>]*>', page)
    named = [("", pieces[0]), *zip(pieces[1::2], pieces[2::2], strict=True)]
    for name, piece in named:
        start = piece.find('class="docblock"')
        if start < 0:
            continue
        parser = _Blocks()
        parser.feed("<div " + piece[start : start + 6000])
        texts = [text for tag, text in parser.found if tag in ("p", "li", "pre")]
        if not texts:
            continue
        summary, rest = first_sentence(texts[0])
        left = " ".join([rest, *texts[1:]]).strip()
        if 4 <= len(summary.split()) <= 25 and len(left.split()) >= 20:
            kept = left if order.random() < 2 / 3 else f"{summary} {left}"
            item = f"{path}::{name}" if name else path
            yield {"query": as_question(summary, order), "positive": cut(f"{item}\n{kept}")}


# --- Perl's documentation


def perl_docs(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield the questions of perlfaq and the headings of the other pages with what follows them."""
    for file in sorted((folder / "deb" / "perl-doc").rglob("*.pod")):
        if re.search(
            r"delta|perlhist|perlartistic|perlgpl|perltoc|perlcn|perljp|perlko|perltw|perlapi$",
            file.stem,
        ):
            continue
        text = file.read_text("utf-8", "replace")
        yield from with_negatives(list(_pod_pairs(file.stem, text, order)), order)


def _pod_pairs(page: str, text: str, order: random.Random) -> Iterator[Pair]:
    for match in re.finditer(
        r"^=(head\d|item) (.+?)\n\n(.*?)(?=^=(?:head|item|over|back)|\Z)", text, re.M | re.S
    ):
        heading, body = _pod_text(match[2]), _pod_text(re.sub(r"(?m)^=\w+.*$|^X<.*$", "", match[3]))
        if DROPPED_HEADINGS.match(heading) or len(body.split()) < 25:
            continue
        if match[1] == "item":
            sentence, rest = first_sentence(body)
            if 5 <= len(sentence.split()) <= 22 and len(rest.split()) >= 15:
                yield {
                    "query": as_question(sentence, order),
                    "positive": cut(f"{heading}: {rest}"),
                    "title": page,
                }
            continue
        generic = len(heading.split()) < 3 or heading.lower() in GENERIC_HEADINGS
        query = f"{page} {heading.lower()}" if generic else heading
        yield {"query": query, "positive": cut(body), **({} if generic else {"title": page})}


def _pod_text(text: str) -> str:
    text = re.sub(r"X<[^<>]*>", "", text)
    for _ in range(3):
        text = re.sub(r"[A-Z]<<+ (.*?) >>+", r"\1", text, flags=re.S)
        text = re.sub(r"L<([^<>|]*)\|[^<>]*>", r"\1", text)
        text = re.sub(r"E<gt>", "\u203a", re.sub(r"E<lt>", "\u2039", text))
        text = re.sub(r"[BCFILSZ]<([^<>]*)>", r"\1", text)
    return clean(text.replace("\u203a", ">").replace("\u2039", "<"))


# --- Dictionaries


def foldoc(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield a computing term, or the question what it is, with its definition."""
    yield from _dictionary(folder, "foldoc", order)


def jargon(folder: Path, order: random.Random) -> Iterator[Pair]:
    """Yield a hackers' term, or the question what it is, with its definition."""
    yield from _dictionary(folder, "jargon", order)


def _dictionary(folder: Path, name: str, order: random.Random) -> Iterator[Pair]:
    file = next((folder / "deb" / f"dict-{name}").rglob("*.dict.dz"))
    text = gzip.decompress(file.read_bytes()).decode("utf-8", "replace")
    for match in re.finditer(
        r"^(\S[^\n]{0,60})\n((?:[ \t]*\n|[ \t]+[^\n]*\n|\S[^\n]*\n(?=\n?[ ]))+?)(?=^\S|\Z)",
        text,
        re.M,
    ):
        term, body = match[1].strip(), match[2]
        body = re.sub(
            r"\{([^{}]*?)\s*\([^{}]*\)\}|[{}]", r"\1", re.sub(r"__|\(\d{4}-\d\d-\d\d\)", "", body)
        )
        body = clean(re.sub(r"^\s*(n|v|adj|vt|vi|interj|adv|prov)\.\s|<[\w, /-]+>", "", body))
        if len(body.split()) < 20 or not re.match(r"[\w.]", term) or "00-database" in term:
            continue
        start = order.choice(["what is {}", "What is {}?", "{}", "{}", "define {}", "{} meaning"])
        if start == "{}" and order.random() < 0.5:
            # The other way round: the definition's start is the query.
            sentence, rest = first_sentence(body)
            if (
                6 <= len(sentence.split()) <= 25
                and term.lower() not in sentence.lower()
                and len(rest.split()) >= 10
            ):
                yield {"query": sentence.rstrip("."), "positive": cut(f"{term}: {rest}")}
                continue
        yield {
            "query": start.format(term),
            "positive": cut(f"{term}: {body}" if order.random() < 0.5 else body),
        }


# --- All of them


def stdlib_texts() -> set[str]:
    """Return the docstrings of the running Python's standard library, and their first sentences."""
    texts: set[str] = set()
    for file in Path(sysconfig.get_path("stdlib")).rglob("*.py"):
        if "site-packages" in file.parts or "test" in file.parts or "tests" in file.parts:
            continue
        try:
            tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                _remember(ast.get_docstring(node), texts)
    builtin = [sys.modules[name] for name in sys.builtin_module_names if name in sys.modules]
    for owner in itertools.chain(
        builtin, (v for m in builtin for v in vars(m).values() if inspect.isclass(v))
    ):
        for value in vars(owner).values():
            _remember(getattr(value, "__doc__", None), texts)
    return {text for text in texts if len(text.split()) >= 4}


def _remember(docstring: Any, texts: set[str]) -> None:
    if isinstance(docstring, str):
        cleaned = clean(docstring)
        texts.update((normal(cleaned), normal(first_sentence(cleaned)[0])))


QUESTION_START = re.compile(
    r"(?i)^(how (do|can) i|how to|function to|(debian )?package for|program for)\s+"
)


def is_good(pair: Pair, barred: set[str]) -> bool:
    """Tell whether a pair reads well enough to learn from and says nothing of the barred texts."""
    query, positive = pair["query"], pair["positive"]
    words = query.split()
    defined = pair["source"] in ("foldoc", "jargon")
    letters = sum(letter.isascii() and (letter.isalpha() or letter == " ") for letter in query)
    if not (1 if defined else 2) <= len(words) <= 32 or letters < 0.75 * len(query):
        return False
    if len(re.findall(r"\w+", positive)) < 12 or BOILERPLATE.search(positive):
        return False
    if re.search(
        r"(?i)^/|^(in other words|this|that|it|these|they|he|see|note|for example|however|if so)\b",
        query,
    ):
        return False
    if sum(map(str.isascii, positive)) < 0.93 * len(positive) or re.search(r"[(\[{,]$", query):
        return False
    return normal(query) not in barred and normal(QUESTION_START.sub("", query)) not in barred


def contains_query(pair: Pair) -> bool:
    """Tell whether the title and positive hold the query's words one after another."""
    query = normal(QUESTION_START.sub("", pair["query"]))
    return query in normal(f"{pair.get('title', '')} {pair['positive']}")


def select(pairs: Iterable[Pair], name: str, limit: int, barred: set[str]) -> list[Pair]:
    """Return good pairs in random order, without repeats, a third of them at most literal."""
    order = random.Random(SEED)
    good = []
    for pair in pairs:
        pair = {
            key: pair[key] for key in ("query", "positive", "title", "negatives") if pair.get(key)
        }
        pair["query"], pair["source"] = clean(pair["query"]), name
        if is_good(pair, barred):
            good.append(pair)
    order.shuffle(good)
    queries: set[str] = set()
    positives: set[str] = set()
    kept, literal = [], []
    for pair in good:
        query, positive = normal(pair["query"]), normal(pair["positive"])[:300]
        if query not in queries and positive not in positives:
            queries.add(query)
            positives.add(positive)
            (literal if contains_query(pair) else kept).append(pair)
    kept += literal[: len(kept) // 2]
    order.shuffle(kept)
    return kept[:limit]


def readers(folder: Path) -> dict[str, Callable[[random.Random], Iterator[Pair]]]:
    """Return a function for each source that yields its pairs."""
    single = (debian_packages, docstrings, manual_pages, rust_docs, perl_docs, foldoc, jargon)
    sources: dict[str, Callable[[random.Random], Iterator[Pair]]] = {
        read.__name__: lambda order, read=read: read(folder, order) for read in single
    }
    for name, packages in HTML_PACKAGES.items():
        sources[name] = lambda order, packages=packages: html_pages(folder, packages, order)
    return sources


def main() -> None:
    """Write the files of the sources asked for and print a table of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="unpacked packages")
    parser.add_argument("output", type=Path, help="where the files are written")
    parser.add_argument("--only", nargs="*", help="names of sources (default: all)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    barred = stdlib_texts()
    options.output.mkdir(parents=True, exist_ok=True)
    for name, read in readers(options.folder).items():
        if options.only and name not in options.only:
            continue
        pairs = select(read(random.Random(SEED)), name, LIMITS.get(name, HTML_LIMIT), barred)
        rows = "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs)
        unfinished = options.output / f"{name}.unfinished"
        unfinished.write_bytes(gzip.compress(rows.encode(), 6, mtime=0))
        unfinished.replace(options.output / f"{name}.jsonl.gz")
        share = sum(map(contains_query, pairs)) / max(1, len(pairs))
        characters = sum(len(pair["query"] + pair["positive"]) for pair in pairs)
        sys.stdout.write(f"{name}\t{len(pairs)}\tliteral {share:.2f}\t{characters} characters\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
