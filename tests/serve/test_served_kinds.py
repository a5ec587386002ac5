"""Every kind of reranker served: with exits, with a cache, with windows, a cascade."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from exit_models import with_exits
from serve_fakes import COST

from secondpass import CrossEncoderReranker, InputError
from secondpass.options.model import RerankerOptions
from secondpass.serve.batching import BatchingService
from secondpass.serve.contract import Job
from secondpass.serve.models import ModelEntry

CLOSE = 1e-5
MEASURED = CrossEncoderReranker.text_cost
LONG = ["csv file reader " * 40, "sort a list " * 60]


@pytest.fixture(autouse=True)
def _fixed_cost(monkeypatch):
    """Measure no machine."""
    monkeypatch.setattr(CrossEncoderReranker, "text_cost", lambda self: COST)


@pytest.fixture(scope="module")
def plain(parity, tmp_path_factory):
    folder = with_exits(parity / "bert", tmp_path_factory.mktemp("exits") / "bert")
    return RerankerOptions(
        model_name=str(folder),
        max_length=64,
        precision="fp32",
        cache_dir=str(tmp_path_factory.mktemp("graphs")),
    )


KINDS = {
    "plain": {},
    "an effort of its own": {"effort": "balanced"},
    "a cache": {"cache": "memory"},
    "windows": {"long_documents": "max"},
    "three best windows": {"long_documents": "mean-top-k"},
    "selected sentences": {"long_documents": "select", "select_tokens": 20},
    "an activation of its own": {"activation": "identity"},
}


def served(options, **given):
    """A service of one model, which refuses nothing however slow the machine is."""
    return BatchingService([ModelEntry("m", options)], most_wait_ms=1e9, **given)


def answers(options, jobs, **given):
    async def run():
        async with served(options, **given) as service:
            return await asyncio.gather(*map(service.rank, jobs))

    return asyncio.run(run())


def jobs_of(documents, **given):
    return [
        Job(query=query, texts=[*documents[at : at + 30], *LONG], **given)
        for at, query in enumerate(["read a csv file", "sort", "wait for a thread", "read"])
    ]


def same(found, expected):
    np.testing.assert_allclose(found.scores, expected.scores, atol=CLOSE)
    for name in ("exit_layer", "scored_by", "tokens", "dropped_tokens", "span", "spans"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()


@pytest.mark.parametrize("group_tokens", [1, 1024])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_answers_as_the_library_does(kind, group_tokens, plain, documents):
    options = replace(plain, **KINDS[kind])
    jobs = jobs_of(documents)
    found = answers(options, jobs, group_tokens=group_tokens)
    with CrossEncoderReranker.from_options(options) as library:
        for job, answer in zip(jobs, found, strict=True):
            same(answer.scores, library.score(job.query, job.texts))


def test_efforts_and_budgets_share_the_server_and_change_nobodys_answer(plain, documents):
    kinds = [{}, {"effort": "fast"}, {"effort": "balanced"}, {"budget_ms": 600_000.0}]
    jobs = [job for given in kinds for job in jobs_of(documents, **given)]
    found = answers(plain, jobs)
    with CrossEncoderReranker.from_options(plain) as library:
        for job, answer in zip(jobs, found, strict=True):
            same(answer.scores, library.score(job.query, job.texts, effort=job.effort))


def test_a_cascade_is_served_and_takes_no_budget(plain, documents):
    options = RerankerOptions(
        cascade=(plain.model_name, plain.model_name),
        keep=5,
        max_length=64,
        precision="fp32",
        cache_dir=plain.cache_dir,
    )
    jobs = jobs_of(documents)
    found = answers(options, jobs, group_tokens=1)
    with CrossEncoderReranker.from_options(options) as library:
        for job, answer in zip(jobs, found, strict=True):
            expected = library.score(job.query, job.texts)
            same(answer.scores, expected)
            assert answer.scores.scored_by.tolist().count(2) == 5
    with pytest.raises(InputError, match="cascade"):
        answers(options, jobs_of(documents, budget_ms=100.0))


@pytest.mark.parametrize("given", [{}, {"effort": "fast"}, {"long_documents": "max"}])
def test_what_texts_take_is_measured_by_all_layers(given, plain):
    with CrossEncoderReranker.from_options(replace(plain, **given)) as reranker:
        cost = MEASURED(reranker)
        assert cost.text_ms("csv " * 50, 5.0) > cost.text_ms("csv", 5.0) > 0
        assert MEASURED(reranker) is cost


def test_what_a_cascades_texts_take_is_measured_by_both_models(plain):
    pair = (plain.model_name, plain.model_name)
    options = RerankerOptions(
        cascade=pair, keep=5, max_length=64, precision="fp32", cache_dir=plain.cache_dir
    )
    with CrossEncoderReranker.from_options(options) as reranker:
        assert MEASURED(reranker).text_ms("csv " * 50, 5.0) > 0


def test_what_the_cache_knows_is_said(plain, documents):
    texts = documents[1:30]
    (first,) = answers(replace(plain, cache="memory"), [Job(query="read", texts=texts)])
    assert first.scores.timings.cached == 0

    async def twice():
        async with served(replace(plain, cache="memory")) as service:
            await service.rank(Job(query="read", texts=texts))
            return await service.rank(Job(query="read", texts=texts)), service.metrics

    again, metrics = asyncio.run(twice())
    assert again.scores.timings.cached == len(texts)
    assert f"secondpass_cache_hits_total {len(texts)}.0" in metrics.text().decode()
    np.testing.assert_array_equal(again.scores.scores, first.scores.scores)


def test_the_engines_batches_are_counted_with_exits_too(plain, documents):
    async def run():
        async with served(plain) as service:
            before = service.metrics.text().decode()
            await service.rank(Job(query="read", texts=documents, effort="fast"))
            return before, service.metrics.text().decode()

    before, after = asyncio.run(run())

    def count(text):
        """Tokens that the engine was given; no line before the first."""
        lines = [one for one in text.splitlines() if 'tokens_total{kind="text"}' in one]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    assert count(after) > count(before)
