"""The site's pages: each link leads to a page or file that is there, and nothing is left out."""

import re
import tomllib
from pathlib import Path, PurePosixPath

import pytest
from markdown_it import MarkdownIt

from scripts.check_site import problems
from scripts.site import ROOT, copy_source, lay_out, make, navigation, page, place, with_links


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    return folder, lay_out(folder)


def in_navigation(entries):
    for entry in entries:
        for inner in entry.values():
            yield from in_navigation(inner) if isinstance(inner, list) else [inner]


def links(text):
    for token in MarkdownIt().parse(text):
        for child in token.children or ():
            link = child.attrs.get("href") or child.attrs.get("src")
            if link and "://" not in link:
                yield link.partition("#")[0]


def test_every_link_leads_to_a_file_of_the_site(site):
    folder, files = site
    checked = 0
    for name in files:
        if name.suffix == ".md":
            for link in filter(None, links((folder / name).read_text())):
                assert (folder / name.parent / link).is_file(), f"{name}: {link}"
                checked += 1
    assert checked > 200


def test_the_navigation_has_every_page_of_docs(site):
    _, files = site
    pages = {str(file) for file in files if file.suffix == ".md" and "repository" not in file.parts}
    named = list(in_navigation(navigation((ROOT / "docs" / "README.md").read_text())))
    assert sorted(named) == sorted(pages)


def test_the_navigation_is_put_into_the_settings(tmp_path):
    make(tmp_path)
    project = tomllib.loads((tmp_path / "zensical.toml").read_text())["project"]
    assert project["nav"][0] == {"secondpass": "index.md"}
    assert {"Quick start": "start.md"} in project["nav"][1]["Start"]
    assert project["site_name"] == "secondpass"
    assert (tmp_path / project["docs_dir"] / "start.md").is_file()


def test_a_heading_of_the_list_is_a_section():
    listed = "# A\n\nB [c](c.md)\n\n## Start\n\n- [D `e`](d.md)\n\n## F\n\n[g](g.md), [h](h)\n"
    assert navigation(listed) == [
        {"secondpass": "index.md"},
        {"Start": [{"D e": "d.md"}, {"All pages": "contents.md"}]},
        {"F": [{"G": "g.md"}]},
    ]


def test_a_link_out_of_docs_leads_to_the_files_new_place():
    text, linked = page(
        PurePosixPath("docs/guide/verify.md"),
        "[records](../../records/README.md#a) and [a](https://example.org) and [here](#there)",
    )
    assert text == (
        "[records](../repository/records/README.md#a) and [a](https://example.org)"
        " and [here](#there)"
    )
    assert linked == [PurePosixPath("records/README.md")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("[packaging/](../../packaging) has", "packaging/ has"),
        ("see [the folder](../../packaging)", "see the folder (`packaging`)"),
        ("```python\nrows[0](there.md)\n```", None),
        ("[![a picture](../images/page.png)](../faq.md)", None),
    ],
)
def test_what_is_no_link_to_a_file_stays(given, expected):
    name = PurePosixPath("docs/guide/server.md")
    assert page(name, given)[0] == (expected or given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            "read early (docs/guide/early-exit.md).",
            "read early ([Early exit](../guide/early-exit.html)).",
        ),
        ("docs/reference/results.md, which", "[Results](results.html), which"),
        ("of another docs/guide/ or a.md", "of another docs/guide/ or a.md"),
    ],
)
def test_a_docstring_that_names_a_page_links_to_it(given, expected):
    assert with_links(given) == expected


def test_the_reference_is_made_of_a_copy_that_compiles(tmp_path):
    copy_source(tmp_path)
    text = (tmp_path / "secondpass" / "reranker.py").read_text()
    assert "../guide/early-exit.html" in text
    compile(text, "reranker.py", "exec")


def test_a_link_to_nothing_is_an_error():
    with pytest.raises(SystemExit, match=r"docs/faq\.md: there is no docs/fqa\.md"):
        page(PurePosixPath("docs/faq.md"), "[a](fqa.md)")


def test_a_file_without_an_ending_is_shown_as_text():
    assert place(PurePosixPath("LICENSE")) == PurePosixPath("repository/LICENSE.txt")
    assert place(PurePosixPath("docs/README.md")) == PurePosixPath("contents.md")


def write(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"<html><body>{body}</body></html>")


def test_a_built_site_is_checked(tmp_path):
    write(tmp_path, "a.html", '<h1 id="one">1</h1><a href="b.html#two">b</a><a href="#one">a</a>')
    write(tmp_path, "b.html", '<h2 id="two">2</h2><a href="https://example.org">elsewhere</a>')
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('<a href="c.html">c</a>', "a.html: c.html"),
        ('<a href="b.html#three">b</a>', "a.html: b.html#three"),
        ('<a href="#four">a</a>', "a.html: #four"),
        ('<img src="missing.png">', "a.html: missing.png"),
        ('<script src="https://example.org/a.js"></script>', "a.html loads https://example.org/a"),
        ('<link rel="stylesheet" href="//example.org/a.css">', "a.html loads //example.org/a.css"),
    ],
)
def test_what_is_wrong_with_a_built_site_is_said(tmp_path, body, said):
    write(tmp_path, "a.html", body)
    write(tmp_path, "b.html", '<h2 id="two">2</h2>')
    assert [line for line in problems(tmp_path) if line.startswith(said)]


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")), ids=lambda one: one.name)
def test_no_code_in_a_table_has_a_bar(page):
    """The site shows the backslash that a bar needs there, and so it would be copied."""
    rows = [row for row in page.read_text(encoding="utf-8").splitlines() if row.startswith("|")]
    assert [row for row in rows if re.search(r"`[^`]*\\\|[^`]*`", row)] == []
