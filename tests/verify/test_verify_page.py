"""The pages on records: margins and verdicts are those of the code, the output that of a record."""

import re
from pathlib import Path
from typing import get_args

from secondpass.verify import arithmetic
from secondpass.verify.check_lines import Verdict
from secondpass.verify.record import read_record

ROOT = Path(__file__).parent.parent.parent
REFERENCE = (ROOT / "docs" / "reference" / "records.md").read_text()
GUIDE = (ROOT / "docs" / "guide" / "verify.md").read_text()


def test_the_margins_of_the_page_are_those_of_the_code():
    assert f"{arithmetic.SWAP_SHARE:.0%}".replace("%", " %") in REFERENCE
    assert "1e-4" in REFERENCE
    assert arithmetic.SCORE_TOLERANCE == 1e-4
    assert f"{arithmetic.MEASURE_TOLERANCE:g}" in REFERENCE


def test_the_page_explains_every_verdict():
    assert all(f"| {verdict} |" in REFERENCE for verdict in get_args(Verdict))


def test_the_output_on_the_page_is_that_of_the_kept_record():
    record = read_record(ROOT / "records" / "example.json")
    assert record.time in GUIDE
    for stage in record.outcome.observed.stages:
        for query in stage.queries:
            shown = " ".join(query.ids[:3])
            assert re.search(rf"{stage.stage}: order for {query.query} +{shown} …", GUIDE)
