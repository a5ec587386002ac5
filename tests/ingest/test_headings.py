"""Which headings a place in a text is under."""

import pytest

from secondpass.ingest.headings import Heading, Outline, headings_of


def titles(text, markup):
    return [(one.level, one.title) for one in headings_of(text, markup)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# One\n\ntext\n\n## Two ##\n", [(1, "One"), (2, "Two")]),
        ("One\n===\n\nTwo\n---\n", [(1, "One"), (2, "Two")]),
        ("# With `code`, *stress* and a [link](x)\n", [(1, "With code, stress and a link")]),
        ("```\n# no heading\n```\n# One\n", [(1, "One")]),
        ("    # code\n\n#no heading\n\n#\n", []),
        ("> # quoted\n", [(1, "quoted")]),
        ("# One\r\n\r\n## Two\r\n", [(1, "One"), (2, "Two")]),
        ("# 中文\n", [(1, "中文")]),
        ("", []),
        ("text alone", []),
    ],
)
def test_headings_of_markdown(text, expected):
    assert titles(text, "markdown") == expected
    for heading in headings_of(text, "markdown"):
        assert text[heading.start] in "#OT>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One\n===\n\ntext\n\nTwo\n---\n\nThree\n=====\n", [(1, "One"), (2, "Two"), (1, "Three")]),
        ("=====\n Top \n=====\n\nOne\n===\n", [(1, "Top"), (2, "One")]),
        ("A table\n\n==== ====\n a    b\n==== ====\n", []),
        ("too long a title\n===\n", []),
        ("text\nthat goes on\n------------\n", []),
        ("One\r\n~~~\r\n", [(1, "One")]),
        ("----\n\ntext\n", []),
        ("===\n===\n", []),
    ],
)
def test_headings_of_restructured_text(text, expected):
    assert titles(text, "rst") == expected


def test_plain_text_has_none():
    assert titles("# One\n\nTwo\n===\n", "plain") == []


def test_a_place_is_under_all_headings_above_it():
    outline = Outline([Heading(10, 1, "A"), Heading(20, 2, "B"), Heading(30, 1, "C")])
    assert [outline.of(place, place + 1) for place in (0, 10, 19, 20, 30, 99)] == (
        ["", "A", "A", "A > B", "C", "C"]
    )


def test_what_comes_before_all_headings_is_under_the_first_in_the_same_part():
    outline = Outline([Heading(10, 1, "A"), Heading(20, 2, "B")])
    assert [outline.of(0, end) for end in (10, 11, 99)] == ["", "A", "A"]


def test_levels_may_be_left_out_and_come_in_any_order():
    outline = Outline([Heading(0, 3, "deep"), Heading(5, 2, "B"), Heading(9, 6, "F")])
    assert [outline.of(place, 99) for place in (0, 5, 9)] == ["deep", "B", "B > F"]


def test_a_long_heading_says_that_it_goes_on():
    assert Outline([Heading(0, 1, "x" * 121)]).of(0, 9) == "x" * 119 + "…"
    assert Outline([Heading(0, 1, "x" * 120)]).of(0, 9) == "x" * 120


def test_the_place_of_a_heading_is_that_in_the_text():
    text = "é\r\n\r\n# One\r\n\r\ntext\r\n\r\nTwo\r\n---\r\n"
    assert [text[one.start : one.start + 3] for one in headings_of(text, "markdown")] == [
        "# O",
        "Two",
    ]
