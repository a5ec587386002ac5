"""Pages: which columns are numbers, and figures that follow the page's theme."""

from secondpass.report.figures import SERIES, subplots, to_svg
from secondpass.report.page import Section, Table, render


def test_a_column_of_numbers_may_hold_dashes_but_no_words():
    table = Table(
        ("stage", "P50 ms", "P99 ms", "mixed", "nothing"),
        [["infer", "12.3 [11, 13]", "–", "2 used", "–"], ["rank", "0.4", "1.5", "none", "–"]],
    )
    assert table.numeric == [False, True, True, False, False]
    assert Table(("a", "b"), []).numeric == [False, False]
    html = render("title", "summary", [Section("heading", tables=[table])])
    assert html.count('class="number"') == 2 * 3  # two columns, each with a head and two cells


def test_text_is_escaped():
    assert "&lt;script&gt;" in render("<script>", "", [])


def test_a_drawing_has_the_pages_colours_and_no_legend_box():
    figure, axes = subplots()
    axes.plot([1, 2], [3, 4], color=SERIES[5], label="sixth")
    axes.legend()
    svg = to_svg(figure)
    assert "var(--series-6)" in svg
    assert "sixth" in svg
    assert "#ffffff" not in svg
    assert "#cccccc" not in svg
    assert not any(color in svg for color in SERIES)


def test_every_series_has_a_colour_in_both_themes():
    html = render("title", "", [])
    for number in range(1, len(SERIES) + 1):
        assert html.count(f"--series-{number}:") == 2
