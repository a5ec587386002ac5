"""The page of the errors has every public error, as its docstring has it."""

import pytest

import secondpass
from scripts.errors_page import PAGE, errors, page, section
from secondpass import SecondpassError
from secondpass.errors import MissingExtraError

TEXT = PAGE.read_text(encoding="utf-8")
PUBLIC = [name for name in secondpass.__all__ if name.endswith("Error")]


def test_the_page_is_current():
    assert page(TEXT) == TEXT, "make errors-page"


def test_every_public_error_has_its_anchor():
    assert sorted(kind.__name__ for kind in errors()) == sorted(PUBLIC)
    assert [line[4:] for line in TEXT.splitlines() if line.startswith("### ")] == [
        kind.__name__ for kind in errors()
    ]


@pytest.mark.parametrize("name", sorted({*PUBLIC} - {"SecondpassError"}))
def test_the_table_of_messages_leads_to_every_error(name):
    assert f"| [{name}](#{name.lower()}) |" in TEXT


@pytest.mark.parametrize("name", PUBLIC)
def test_a_section_has_a_cause_and_a_way_out(name):
    heading, what, cause, way_out = section(getattr(secondpass, name)).split("\n\n")
    assert heading == f"### {name}"
    assert what.endswith(".")
    assert cause.startswith("**Cause:** ")
    assert way_out.startswith("**Way out:** ")


def test_what_else_an_error_is_is_said():
    assert "Also a `SecondpassError` and `ImportError`." in section(MissingExtraError)
    assert "Also a" not in section(SecondpassError)


def test_an_error_without_a_way_out_is_no_section():
    class SilentError(SecondpassError):
        """Something is wrong."""

    with pytest.raises(ValueError, match="unpack"):
        section(SilentError)
