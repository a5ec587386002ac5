"""Records made by hand for the tests, on an invented machine."""

from dataclasses import replace

from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.types import ModelInfo
from secondpass.verify.outputs import RankedQuery, StageOutput
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

SOFTWARE = Software("3.11.7", "CPython", {"openvino": "2026.4.1", "numpy": "2.3.0"})

VNNI = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16")

MACHINE = Machine(
    processor="Invented 9000",
    processor_flags=VNNI,
    cores_usable=2,
    cores_total=4,
    memory_total=8 * 2**30,
    memory_available=6 * 2**30,
    system="Linux-6.1",
    architecture="x86_64",
)

MODEL = ModelInfo(
    name="embedded/cross-encoder",
    revision=None,
    architecture="bert",
    weights_sha256="a" * 64,
    tokenizer_sha256="b" * 64,
    precision="int8",
    arithmetic="bf16",
    engine="openvino 2026.4.1",
    device="cpu",
    threads=2,
    max_length=512,
    activation="identity",
)
FP32 = replace(MODEL, precision="fp32", arithmetic="f32")


def ranked(query="q", **scores):
    return RankedQuery(query, tuple(scores), tuple(scores.values()))


def observed(*queries, reranks=None, **measures):
    stage = StageOutput("rerank", "cross-encoder", queries, reranks)
    means = tuple(Measure("reranked", name, value) for name, value in measures.items())
    return Observed((stage,), means)


def outcome(**changes):
    held = Outcome(
        seed=13,
        models=(ModelUse("cross-encoder", MODEL),),
        data=(DataSource("queries", "made", "queries.jsonl", "c" * 64),),
        vectors=Vectors(1000, 384),
        observed=observed(ranked("q", a=3.0, b=2.0, c=-1.0), nDCG=0.5),
        latencies=(Latency("rerank", "P50", 20.0, 100),),
    )
    return replace(held, **changes)


def record(outcome=None, **changes):
    held = Record(
        kind="eval",
        command=("secondpass", "verify", "record", "eval", "--depth", "50"),
        arguments=("--depth", "50"),
        time="2026-11-24T10:00:00Z",
        code_sha256="d" * 64,
        software=SOFTWARE,
        machine=MACHINE,
        backend=Backend("cpu", "cpu", "openvino 2026.4.1"),
        outcome=outcome or globals()["outcome"](),
    )
    return replace(held, **changes)
