"""A record's way to JSON and back, and what is said of a file that is not one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from made_records import MACHINE, observed, outcome, ranked, record

from secondpass import InputError
from secondpass.environment.machine import UNKNOWN
from secondpass.result_file import encode
from secondpass.verify.record import read_record

KEPT = sorted((Path(__file__).parent.parent.parent / "records").glob("*.json"))


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a text as a record file."""
    file = tmp_path / "r.json"

    def read(text):
        file.write_text(text)
        return read_record(file)

    return read


def test_a_record_comes_back_as_it_was(read):
    for made in (
        record(outcome(seed=None, vectors=None)),
        record(machine=replace(MACHINE, processor_flags=UNKNOWN, cores_total=UNKNOWN)),
    ):
        assert read(encode(made)) == made


def test_scores_keep_every_bit(read):
    score = 0.1 + 0.2
    made = record(outcome(observed=observed(ranked(a=score))))
    assert read(encode(made)).outcome.observed.stages[0].queries[0].scores == (score,)


def test_a_score_that_is_not_a_number_cannot_be_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(record(outcome(observed=observed(ranked(a=float("nan"))))))


def test_the_layout_may_change_and_fields_of_other_versions_are_ignored(read):
    fields = json.loads(encode(record()))
    assert read(json.dumps(fields | {"seals": {}}, indent=4)) == record()


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_the_kept_records_are_read_and_lose_nothing(file, read):
    kept = read_record(file)
    assert kept.outcome.models
    assert read(encode(kept)) == kept
    assert json.loads(encode(kept)) == json.loads(file.read_text())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda made: made.pop("time"), "missing required field `time`"),
        (lambda made: made.update(time="yesterday"), "`$.time`"),
        (lambda made: made.update(kind="demo"), "'demo' - at `$.kind`"),
        (lambda made: made.update(schema="secondpass/record/2"), "`$.schema`"),
        (
            lambda made: made["machine"].update(memory_total="8 GB"),
            "Expected `int`, got `str` - at `$.machine.memory_total`",
        ),
        (
            lambda made: made["outcome"]["latencies"][0].update(ms=-1),
            "at `$.outcome.latencies[0].ms`",
        ),
        (
            lambda made: made["outcome"]["data"][0].update(sha256="abc"),
            "at `$.outcome.data[0].sha256`",
        ),
        (
            lambda made: made["outcome"]["observed"]["stages"][0]["queries"][0]["ids"].pop(),
            "query 'q' has 2 ids and 3 scores - at `$.outcome.observed.stages[0].queries[0]`",
        ),
    ],
)
def test_a_malformed_record_names_its_field(read, tmp_path, change, message):
    fields = json.loads(encode(record()))
    change(fields)
    with pytest.raises(InputError) as raised:
        read(json.dumps(fields))
    assert message in str(raised.value)
    assert str(raised.value).startswith(f"record {tmp_path / 'r.json'} does not fit Record: ")
    assert str(raised.value).endswith("write one with 'secondpass verify record'")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ("", "is not valid JSON"),
        ('{"schema": "secondpass/record/1", "x": NaN}', "is not valid JSON"),
        ("[]", "Expected `object`, got `array`"),
        ('{"x": ' + 100_000 * "[", "is nested too deeply"),
    ],
)
def test_a_file_that_is_not_a_record_is_the_callers_mistake(read, text, message):
    with pytest.raises(InputError, match=message):
        read(text)


def test_a_file_that_is_too_large_is_not_read(read, monkeypatch):
    from secondpass import result_file

    monkeypatch.setattr(result_file, "LARGEST_BYTES", 2**20)
    with pytest.raises(InputError, match="is too large: at most 1 MiB are read"):
        read(" " * (2**20 + 1))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.json cannot be read: No such file"):
        read_record(tmp_path / "nowhere.json")
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(InputError, match="not UTF-8: byte 0xe9 at offset 7"):
        read_record(tmp_path / "latin.json")
