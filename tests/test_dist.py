"""What is built for the index: its page, its licences, what the source distribution holds."""

import re
import tomllib
from pathlib import Path

import pytest

from scripts.dist import models

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGE = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
SDIST = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]


def page_of(text):
    for one in PAGE["substitutions"]:
        text = re.sub(one["pattern"], one["replacement"], text)
    return text


def test_no_link_of_the_page_leads_to_a_file_of_the_repository():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = page_of(readme)
    targets = re.findall(r"\]\(([^)]*)\)", page)
    assert [one for one in targets if not one.startswith("https://")] == []
    assert page.split("```")[1::2] == readme.split("```")[1::2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see [install](docs/guide/install.md).", "see install."),
        ("[a](docs/a.md#b) and [c](https://example.org/c)", "a and [c](https://example.org/c)"),
        ("before\n\n![picture](docs/a.svg)\n\nafter", "before\n\nafter"),
        ("**[Quick start](docs/start.md)** · [b](#c)", "**Quick start** · b"),
    ],
)
def test_a_link_is_its_text(text, expected):
    assert page_of(text) == expected


def test_the_licence_is_of_all_that_ships():
    named = set(re.split(r" AND ", PROJECT["project"]["license"]))
    assert named == {"PSF-2.0", *(one["licenses"][0]["license"]["id"] for one in models())}
    for pattern in PROJECT["project"]["license-files"]:
        assert list(ROOT.glob(pattern)), pattern


def test_each_model_is_a_component_of_the_bill_of_materials():
    folders = (ROOT / "src" / "secondpass" / "models" / "embedded").glob("*/config.json")
    assert [one["name"] for one in models()] == sorted(
        f"embedded/{file.parent.name}" for file in folders
    )
    assert all(len(one["hashes"][0]["content"]) == 64 for one in models())


def test_the_source_distribution_has_what_its_tests_read():
    assert set(SDIST) == {"exclude"}
    if (ROOT / "PKG-INFO").exists():  # a source distribution, where they were left out
        pytest.skip("this is one")
    assert all((ROOT / left_out.lstrip("/")).exists() for left_out in SDIST["exclude"])
