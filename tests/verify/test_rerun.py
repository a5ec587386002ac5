"""A check from beginning to end, with runs made by hand: what fails it, and what only shows."""

from dataclasses import replace

import pytest
from made_records import FP32, observed, outcome, ranked, record

from secondpass import InputError
from secondpass.models.digest import file_sha256
from secondpass.retrieval.content_hash import content_sha256
from secondpass.verify.check_lines import failures
from secondpass.verify.record import DataSource, Latency, ModelUse, Vectors
from secondpass.verify.recording import make_record
from secondpass.verify.rerun import check


def bound(outcome, arguments=()):
    """Return a record made on this machine."""
    return make_record("eval", outcome, command=("secondpass",), arguments=arguments)


@pytest.fixture
def model(parity):
    """A model that is really there."""
    return replace(
        FP32,
        name=str(parity / "bert"),
        weights_sha256=file_sha256(parity / "bert" / "model.safetensors"),
    )


@pytest.fixture
def run(model):
    return outcome(models=(ModelUse("cross-encoder", model),))


def checked(recorded, here):
    return check(recorded, {"eval": lambda arguments: here})


def never(arguments):
    raise AssertionError("it was run")


def failed(found):
    return {line.what: line.verdict for line in failures(found.lines)}


def test_the_same_again_is_confirmed_whatever_the_latencies(run):
    slow = replace(run, latencies=(Latency("rerank", "P50", 44.0, 100),))
    found = checked(bound(run), slow)
    assert found.confirmed
    (line,) = [line for line in found.lines if line.what == "rerank, P50"]
    assert (line.verdict, line.decides) == ("shown", False)
    assert (line.recorded, line.here, line.why) == ("20.00 ms", "44.00 ms", "2.20 times")


def test_the_recorded_arguments_are_run(run):
    seen = []

    def rerun(arguments):
        seen.append(arguments)
        return run

    check(bound(run, ("--depth", "50")), {"eval": rerun})
    assert seen == [("--depth", "50")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"observed": observed(ranked(b=3.0, a=2.0, c=-1.0), nDCG=0.5)}, "rerank: order for q"),
        ({"observed": observed(ranked(a=3.0, b=2.0, c=-1.0), nDCG=0.4)}, "reranked: nDCG"),
        ({"seed": 14}, "seed"),
        ({"vectors": Vectors(999, 384)}, "vectors"),
        ({"data": ()}, "queries"),
        ({"data": (DataSource("queries", "made", "q", "e" * 64),)}, "queries"),
    ],
)
def test_another_outcome_is_not_confirmed(run, changes, expected):
    found = checked(bound(run), replace(run, **changes))
    assert found.ran
    assert not found.confirmed
    assert expected in failed(found)


def test_another_machine_and_other_versions_show_and_decide_nothing(run):
    recorded = record(run)
    found = checked(recorded, run)
    assert found.confirmed
    said = {line.what: line for line in found.lines}
    assert said["processor"].verdict == "different"
    assert said["processor"].recorded == "Invented 9000"
    assert said["package numpy"].recorded == "2.3.0"
    assert said["memory"].recorded == "8.0 GiB"


def test_a_model_that_is_gone_fails_and_is_named(run, tmp_path):
    gone = ModelUse("cross-encoder", replace(FP32, name=str(tmp_path / "gone")))
    found = check(bound(replace(run, models=(gone,))), {"eval": never})
    assert not found.ran
    assert not found.confirmed
    (line,) = failures(found.lines)
    assert (line.what, line.verdict) == ("cross-encoder: weights", "missing")
    assert f"no model folder '{tmp_path}/gone'" in line.why


def test_a_model_with_other_weights_fails_and_is_named(run, model):
    other = ModelUse("cross-encoder", replace(model, weights_sha256="f" * 64))
    found = check(bound(replace(run, models=(other,))), {"eval": never})
    (line,) = failures(found.lines)
    assert (line.what, line.verdict) == ("cross-encoder: weights", "different")
    assert line.why == f"{model.name} has another hash here"


def test_data_that_is_gone_or_changed_fails_and_is_named(run, tmp_path):
    file = tmp_path / "queries.jsonl"
    file.write_text("one")
    given = replace(run, data=(DataSource("queries", "given", str(file), content_sha256(file)),))
    recorded = bound(given)
    assert checked(recorded, given).confirmed
    file.write_text("two")
    (line,) = failures(check(recorded, {"eval": never}).lines)
    assert (line.verdict, line.why) == ("different", f"{file} has another content here")
    file.unlink()
    (line,) = failures(check(recorded, {"eval": never}).lines)
    assert (line.verdict, line.why) == ("missing", f"there is no file or folder {file}")


def test_a_hash_that_is_unknown_confirms_nothing(run, model):
    unknown = replace(
        run, models=(ModelUse("cross-encoder", replace(model, tokenizer_sha256="unknown")),)
    )
    found = checked(bound(unknown), unknown)
    assert failed(found) == {"cross-encoder: tokenizer": "not comparable"}


def test_a_run_that_fails_here_is_said(run):
    def broken(arguments):
        raise InputError("--rate 9 is not served here")

    found = check(bound(run), {"eval": broken})
    assert not found.ran
    assert not found.confirmed
    assert failures(found.lines)[0].why == "--rate 9 is not served here"
