"""A record's way to JSON and back, and what is said of a file that is not one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import MACHINE, observed, outcome, ranked, record

from secondpass import InputError
from secondpass.environment.machine import UNKNOWN
from secondpass.result_file import decode, encode
from secondpass.verify.compare import compare
from secondpass.verify.record import Record, read_record

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


def of_same_keys(value, model):
    """Leave out what a record does not have that was written before there was such a field."""
    if isinstance(value, dict) and isinstance(model, dict):
        return {key: of_same_keys(value[key], model[key]) for key in model if key in value}
    if isinstance(value, list) and isinstance(model, list) and len(value) == len(model):
        return [of_same_keys(*both) for both in zip(value, model, strict=True)]
    return value


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_the_kept_records_are_read_and_lose_nothing(file, read):
    kept = read_record(file)
    assert kept.outcome.models
    assert read(encode(kept)) == kept
    written = json.loads(file.read_text())
    assert of_same_keys(json.loads(encode(kept)), written) == written


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda made: made.pop("time"), "has no `time`"),
        (
            lambda made: made.update(time="yesterday"),
            "has time 'yesterday', expected text matching",
        ),
        (lambda made: made.update(kind="demo"), "has kind 'demo', expected another value"),
        (lambda made: made.update(schema=1), "has schema 1, expected text"),
        (
            lambda made: made["machine"].update(memory_total="8 GB"),
            "has machine.memory_total '8 GB', expected an integer",
        ),
        (
            lambda made: made["outcome"]["latencies"][0].update(ms=-1),
            "has outcome.latencies[0].ms -1, expected a number of at least 0",
        ),
        (
            lambda made: made["outcome"]["data"][0].update(sha256="abc"),
            "has outcome.data[0].sha256 'abc', expected text matching",
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
    assert str(raised.value).startswith(f"record {tmp_path / 'r.json'} ")
    assert str(raised.value).endswith("write one with 'secondpass verify record'")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ("", "is not valid JSON"),
        ('{"schema": "secondpass/record/1", "x": NaN}', "is not valid JSON"),
        ("[]", r"is the list \[\], expected an object;"),
        ("{}", "has no `kind`;"),
        ('{"schema": 1, nonsense', "is not valid JSON"),
        ('{"schema": 1, "x": ' + 100_000 * "[", "is nested too deeply"),
        ("null", "is null, expected an object;"),
        ('{"schema": 1}', "has schema 1, expected text;"),
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


def observed_of(made):
    return made["outcome"]["observed"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda made: observed_of(made).update(stages=[]), "no observed stages"),
        (lambda made: observed_of(made).pop("stages"), "no observed stages"),
        (lambda made: observed_of(made)["stages"][0].update(queries=[]), "has no queries"),
        (lambda made: made["outcome"].update(models=[]), "no models"),
        (
            lambda made: observed_of(made)["stages"].append(observed_of(made)["stages"][0]),
            "2 times",
        ),
        (
            lambda made: observed_of(made)["stages"][0]["queries"][0].update(
                ids=["a", "a"], scores=[1.0, 0.5]
            ),
            "an id that is empty or there twice",
        ),
        (lambda made: made["machine"].update(memory_total=10**400), "over 64 bits"),
        (lambda made: made["outcome"].update(seed=2**63), "over 64 bits"),
        (
            lambda made: made.update(schema="secondpass/record/" + "9" * 10**6),
            "has schema 'secondpass/record/99",
        ),
    ],
)
def test_a_record_without_meaning_is_refused(read, change, message):
    fields = json.loads(encode(record()))
    change(fields)
    with pytest.raises(InputError) as raised:
        read(json.dumps(fields))
    assert message in str(raised.value)
    assert len(str(raised.value)) < 500


def test_a_record_cut_anywhere_is_refused(read):
    text = encode(record())
    for end in range(0, len(text) - 2, 37):
        with pytest.raises(InputError):
            read(text[:end])


VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        2**62,
        2**64,
        1e308,
        -1e308,
        0.5,
        "",
        "x",
        "unknown",
        "\x1b[2J",
        [],
        {},
        ["a"],
    ]
)


def places(value, path=()):
    """Yield the path of every value in some JSON."""
    yield path
    listed = dict(enumerate(value)) if isinstance(value, list) else value
    for key, one in listed.items() if isinstance(listed, dict) else ():
        yield from places(one, (*path, key))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_change_of_a_record_is_refused_or_compared(data):
    fields = json.loads(encode(record()))
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from([one for one in places(fields) if one]))
        at = fields
        for key in path:
            at = at[key]
        at[last] = data.draw(VALUES)
    try:
        changed = decode(json.dumps(fields).encode(), Record, "record")
    except InputError:
        return
    for line in compare(changed, record()):
        assert line.what
        assert len(line.why) < 1000
