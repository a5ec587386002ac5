"""Pages are written from what their blocks print."""

import pytest

from scripts.kept_records import part, show
from scripts.page_blocks import Fence, Shown, blocks
from scripts.page_outputs import in_place, output, rewritten, run
from secondpass import __version__


def shown(text, printed):
    return Shown(Fence("text", text, 1), text, printed)


@pytest.mark.parametrize(
    ("text", "printed", "expected"),
    [
        ("0.41  wool\n", "0.45  wool\n", "0.45  wool\n"),
        ("0.41  wool\n", "0.4149  wool\n", "0.41  wool\n"),
        ("0.8, -1.25 of 3\n", "0.83 , -1.251 of 3\n", "0.8, -1.25 of 3\n"),
        ("-0.0 a\n", "0.01 a\n", "-0.0 a\n"),
        ("1e-05 a 0.5\n", "2e-05 a 0.5\n", "2e-05 a 0.5\n"),
        ("0.41  wool\n\n", "0.45  silk\n", "0.45  silk\n\n"),
        ("a 0.1\n", "a 0.1\nb 0.2\n", "a 0.1\nb 0.2\n"),
    ],
    ids=["number", "same when rounded", "decimals", "zero", "exponent", "word", "another line"],
)
def test_a_number_keeps_its_decimals_and_other_words_are_replaced(text, printed, expected):
    assert output(shown(text, printed)) == expected


PAGE = """# A page

```python
print(f"{1 / 3:.2f}")
```

```text
0.30
```

Between them.

```console
$ secondpass --version
secondpass 0.0
$ secondpass --version
secondpass 0.0
```

<!-- not run: an example -->
```python
print(0.5)
```

```text
0.7
```
"""


def test_a_page_is_run_and_written_in_its_place(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    expected = PAGE.replace("0.30", "0.33").replace(
        "secondpass 0.0", f"secondpass, version {__version__}"
    )
    found = rewritten(PAGE, run(page))
    assert found == expected
    page.write_text(found)
    assert rewritten(found, run(page)) == found


def test_a_fence_takes_more_lines_or_fewer():
    page = "a\n```text\n1\n2\n```\nb\n"
    fence = Fence("text", "1\n2\n", 2)
    assert in_place(page, fence, "3\n") == "a\n```text\n3\n```\nb\n"
    assert in_place(page, fence, "3\n4\n5\n") == "a\n```text\n3\n4\n5\n```\nb\n"


def test_what_stands_before_in_a_block_stays(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```console\n$ secondpass a\n$ secondpass b\nold\n```\nend\n")
    show(page, "$ secondpass b\n", "$ secondpass b\nnew\nlines\n")
    assert blocks(page)[0].code.text == "$ secondpass a\n$ secondpass b\nnew\nlines\n"
    assert page.read_text().endswith("```\nend\n")


def test_the_part_of_an_output_is_from_its_first_line_to_its_last():
    printed = "began\nmeasure a\n\nnote: b\nnote: c\nwritten\n"
    assert part(printed, "measure ", "note: ") == "measure a\n\nnote: b\nnote: c\n"
