"""A record's way to JSON and back, and what is said of one that was spoiled on the way."""

import json
from dataclasses import fields, is_dataclass, replace
from typing import get_type_hints

import pytest
from made_records import MACHINE, observed, outcome, ranked, record

from secondpass import InputError, MissingExtraError
from secondpass.facts.machine import UNKNOWN, Machine
from secondpass.facts.outputs import RankedQuery, StageOutput
from secondpass.facts.software import Software
from secondpass.types import ModelInfo
from secondpass.verify.encoding import decode, encode, read_record
from secondpass.verify.record import (
    Backend,
    DataSource,
    Latency,
    Measure,
    ModelUse,
    Observed,
    Outcome,
    Record,
    Vectors,
)
from secondpass.verify.schema import load_schema


def spoiled(change):
    """Return a record's JSON after `change` was at its fields, with the seals as they were."""
    held = json.loads(encode(record()))
    change(held)
    return json.dumps(held)


def test_a_record_comes_back_as_it_was():
    held = record(outcome(seed=None, vectors=None))
    assert decode(encode(held), "r") == held
    unknown = record(machine=replace(MACHINE, processor_flags=UNKNOWN, cores_total=UNKNOWN))
    assert decode(encode(unknown), "r") == unknown


def test_scores_keep_every_bit():
    score = 0.1 + 0.2

    held = record(outcome(observed=observed(ranked(a=score))))
    back = decode(encode(held), "r").outcome.observed.stages[0].queries[0]
    assert back.scores == (score,)


def test_a_score_that_is_no_number_cannot_be_written():

    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(record(outcome(observed=observed(ranked(a=float("nan"))))))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda held: held.pop("time"), "'time' is a required property"),
        (lambda held: held.update(time="yesterday"), "field time: 'yesterday'"),
        (lambda held: held.update(kind="demo"), "field kind: 'demo' is not one of"),
        (lambda held: held.update(schema="secondpass/record/2"), "field schema"),
        (lambda held: held.update(note="mine"), "'note' was unexpected"),
        (lambda held: held["machine"].update(memory_total="8 GB"), "field machine.memory_total"),
        (
            lambda held: held["outcome"]["latencies"][0].update(ms=-1),
            "field outcome.latencies.0.ms",
        ),
        (
            lambda held: held["outcome"]["models"][0]["info"].update(weights_sha256="abc"),
            "field outcome.models.0.info.weights_sha256",
        ),
        (lambda held: held["seals"].pop("time"), "time was changed"),
    ],
)
def test_a_malformed_record_names_its_field(change, message):
    with pytest.raises(InputError) as raised:
        decode(spoiled(change), "record r.json")
    assert message in str(raised.value)
    assert str(raised.value).startswith("record r.json: ")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda held: held.update(time="2026-11-25T10:00:00Z"), "time"),
        (lambda held: held["command"].append("--depth"), "command"),
        (lambda held: held["outcome"]["latencies"][0].update(ms=1.5), "outcome.latencies"),
        (lambda held: held["machine"].update(processor="Other"), "machine"),
        (
            lambda held: held["outcome"]["observed"]["stages"][0]["queries"][0]["ids"].reverse(),
            "outcome.observed",
        ),
    ],
)
def test_a_record_changed_by_hand_names_its_field(change, field):
    with pytest.raises(InputError, match=f"record r.json: {field} was changed after"):
        decode(spoiled(change), "record r.json")


def test_the_layout_may_change_but_nothing_else():
    assert decode(json.dumps(json.loads(encode(record())), indent=4), "r") == record()


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is no JSON"), ("[]", "is not of type 'object'"), ('{"a": NaN}', "NaN is no JSON")],
)
def test_a_file_that_is_no_record_is_the_callers_mistake(tmp_path, text, message):
    file = tmp_path / "r.json"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        read_record(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.json cannot be read: No such file"):
        read_record(tmp_path / "nowhere.json")
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(InputError, match="not UTF-8: byte 0xe9 at offset 7"):
        read_record(tmp_path / "latin.json")


def test_without_jsonschema_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(MissingExtraError, match=r"secondpass\[measure\]"):
        decode(encode(record()), "r")


def test_the_schema_is_a_schema_and_has_every_field_of_the_dataclasses():
    import jsonschema

    schema = load_schema("schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    definitions, top = schema["$defs"], schema["properties"]
    parts = top["outcome"]["properties"]
    stage = definitions["stage"]
    described = {
        Record: schema,
        Software: top["software"],
        Machine: top["machine"],
        Backend: top["backend"],
        Outcome: top["outcome"],
        Vectors: parts["vectors"]["anyOf"][1],
        Observed: parts["observed"],
        ModelUse: definitions["model"],
        ModelInfo: definitions["model"]["properties"]["info"],
        DataSource: definitions["data"],
        StageOutput: stage,
        RankedQuery: stage["properties"]["queries"]["items"],
        Measure: definitions["measure"],
        Latency: definitions["latency"],
    }
    for held, part in described.items():
        names = {field.name for field in fields(held)} | ({"seals"} if held is Record else set())
        assert set(part["properties"]) == set(part["required"]) == names, held
        assert part["additionalProperties"] is False, held
    assert _dataclasses(Record) == set(described)


def _dataclasses(held):
    """Return a dataclass and all that its fields can hold."""
    found = {held}
    for hint in get_type_hints(held).values():
        for inner in (hint, *_arguments(hint)):
            if is_dataclass(inner):
                found |= _dataclasses(inner)
    return found


def _arguments(hint):
    from typing import get_args

    return [found for inner in get_args(hint) for found in (inner, *_arguments(inner))]
