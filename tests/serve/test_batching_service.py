"""The whole service round a tiny random model and round fakes; no wall time is asserted."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from serve_fakes import COST

from secondpass import CrossEncoderReranker, InputError
from secondpass.options.model import RerankerOptions
from secondpass.serve.batching import BatchingService
from secondpass.serve.contract import (
    Busy,
    Closed,
    DeadlineTooShort,
    Failed,
    Job,
    TookTooLong,
    UnknownModel,
)
from secondpass.serve.models import ModelEntry

# The last bits of float32 depend on the batch where a processor's kernels do.
CLOSE = 1e-5


@pytest.fixture(autouse=True)
def _fixed_cost(monkeypatch):
    """Measure no machine."""
    monkeypatch.setattr(CrossEncoderReranker, "text_cost", lambda self: COST)


@pytest.fixture(scope="module")
def options(tiny_options):
    return RerankerOptions(**tiny_options)


@pytest.fixture(scope="module")
def library(options):
    with CrossEncoderReranker.from_options(options) as reranker:
        yield reranker


@pytest.fixture
def entries(options):
    return [ModelEntry("tiny", options, ("alias",)), ModelEntry("other", options)]


def served(scenario, entries, **given):
    """Run a scenario with a started service; it may take no longer than a minute."""
    # On a slow machine a request would be refused that is not about that.
    given = {"most_wait_ms": 1e9} | given

    async def run():
        async with asyncio.timeout(60), BatchingService(entries, **given) as service:
            try:
                return await scenario(service)
            finally:
                for gate in Gate.all:
                    gate.open.set()

    return asyncio.run(run())


def test_an_answer_is_that_of_the_library(entries, library, documents):
    async def scenario(service):
        return await service.rank(Job(query="read a csv file", texts=documents))

    answer = served(scenario, entries)
    expected = library.score("read a csv file", documents)
    np.testing.assert_allclose(answer.scores.scores, expected.scores, atol=CLOSE)
    np.testing.assert_allclose(answer.scores.logits, expected.logits, atol=CLOSE)
    assert answer.scores.tokens.tolist() == expected.tokens.tolist()
    assert answer.scores.dropped_tokens.tolist() == expected.dropped_tokens.tolist()
    assert answer.scores.timings.tokens == expected.timings.tokens
    assert answer.model == "tiny"


def test_company_changes_no_answer(entries, library, documents):
    jobs = [
        Job(query=f"how to read row {number}", texts=documents[number % 9 : 10 + 5 * number])
        for number in range(12)
    ]

    async def scenario(service):
        return await asyncio.gather(*map(service.rank, jobs))

    for group_tokens in (1, 1024):
        for job, answer in zip(
            jobs, served(scenario, entries, group_tokens=group_tokens), strict=True
        ):
            expected = library.score(job.query, job.texts)
            np.testing.assert_allclose(answer.scores.scores, expected.scores, atol=CLOSE)


def test_what_a_job_asks_for_is_done(entries, library, documents):
    long = "csv " * 200
    jobs = [
        Job(query="read", texts=documents[:5], activation="identity"),
        Job(query="read " * 100, texts=documents[:5], long_query="truncate"),
        Job(query="read", texts=[*documents[:5], long], max_tokens=3),
        Job(query="read", texts=[]),
        Job(query="read", texts=documents[:5], budget_ms=600_000),
    ]

    async def scenario(service):
        return await asyncio.gather(*map(service.rank, jobs))

    plain, cut, short, empty, timed = (one.scores for one in served(scenario, entries))
    expected = library.score("read", documents[:5])
    np.testing.assert_allclose(plain.scores, expected.logits, atol=CLOSE)
    of_cut = library.score("read " * 100, documents[:5], long_query="truncate")
    np.testing.assert_allclose(cut.scores, of_cut.scores, atol=CLOSE)
    assert cut.timings.query_dropped_tokens == of_cut.timings.query_dropped_tokens > 0
    assert short.tokens.max() == 3
    assert short.dropped_tokens[5] > 190
    assert len(empty) == 0
    np.testing.assert_allclose(timed.scores, expected.scores, atol=CLOSE)


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (Job(query=" ", texts=["a"]), "query"),
        (Job(query="read " * 100, texts=["a"]), "query"),
        (Job(query="read", texts=["a"], instruction="be kind"), "instruction"),
        (Job(query="read", texts=["a"], effort="fast"), "effort"),
    ],
)
def test_what_the_model_does_not_take_is_an_input_error(entries, job, words):
    async def scenario(service):
        with pytest.raises(InputError, match=words):
            await service.rank(job)
        return await service.rank(Job(query="read", texts=["csv"]))

    assert len(served(scenario, entries).scores) == 1


def test_the_instruction_of_the_model_is_taken(options):
    entry = ModelEntry("m", replace(options, instruction="judge: "))

    async def scenario(service):
        with pytest.raises(InputError, match="instruction"):
            await service.rank(Job(query="read", texts=["csv"], instruction="other"))
        return await asyncio.gather(
            *(
                service.rank(Job(query="read", texts=["csv"], instruction=given))
                for given in ("judge: ", None)
            )
        )

    given, own = served(scenario, [entry])
    assert given.scores.logits.tolist() == own.scores.logits.tolist()


def test_models_are_found_by_name_and_loaded_when_asked_for(entries):
    async def scenario(service):
        before = [one.info is None for one in service.models()]
        names = [
            (await service.rank(Job(query="read", texts=["csv"], model=name))).model
            for name in (None, "alias", "other")
        ]
        with pytest.raises(UnknownModel, match="missing"):
            await service.rank(Job(query="read", texts=["csv"], model="missing"))
        return before, names, [one.info is None for one in service.models()]

    before, names, after = served(scenario, entries)
    assert before == [False, True]
    assert names == ["tiny", "tiny", "other"]
    assert after == [False, False]


def test_a_model_that_cannot_be_loaded_is_an_answer_and_not_the_end(entries, tmp_path):
    broken = ModelEntry("broken", RerankerOptions(model_name=str(tmp_path)))

    async def scenario(service):
        for _ in range(2):
            with pytest.raises(Failed, match=r"ModelFileError|ModelNotFoundError"):
                await service.rank(Job(query="read", texts=["csv"], model="broken"))
        return await service.rank(Job(query="read", texts=["csv"]))

    assert len(served(scenario, [entries[0], broken]).scores) == 1


class Gate:
    """Holds the model until it is opened, and says when somebody came to it."""

    all: ClassVar = []

    def __init__(self, model, monkeypatch, fail=()):
        self.all.append(self)
        self.reached, self.open, self.fail = threading.Event(), threading.Event(), list(fail)
        self.groups = []
        score = model.score

        def gated(prepared):
            self.reached.set()
            assert self.open.wait(60)
            if self.fail:
                raise self.fail.pop(0)
            self.groups.append(len(prepared))
            return score(prepared)

        monkeypatch.setattr(model, "score", gated)

    async def reach(self):
        await asyncio.to_thread(self.reached.wait, 60)


async def hold(service, monkeypatch, **given):
    async with service._registry.use(None) as model:
        return Gate(model.reranker.model, monkeypatch, **given)


def test_more_than_may_wait_is_refused_at_once_and_the_rest_is_answered(entries, monkeypatch):
    jobs = [Job(query=f"read {number}", texts=["csv file reader"] * 90) for number in range(12)]

    async def scenario(service):
        gate = await hold(service, monkeypatch)
        asked = [asyncio.create_task(service.rank(job)) for job in jobs]
        # Nothing can be scored: what ends now was refused.
        refused, let_in = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        gate.open.set()
        results = await asyncio.gather(*let_in, return_exceptions=True)
        after = await service.rank(jobs[0])
        return [one.exception() for one in refused], results, after

    refused, results, after = served(scenario, entries, most_wait_ms=1e-6, group_tokens=1)
    assert {type(one) for one in refused} == {Busy}
    assert all(one.retry_after_s >= 1 for one in refused)
    answers = [one for one in results if not isinstance(one, Busy)]
    assert len(answers) >= 4
    assert all(answer.scores.scored.all() for answer in [*answers, after])


def test_a_deadline_that_cannot_be_met_is_told_or_gives_the_first_stages_order(
    entries, monkeypatch
):
    texts = ["csv file reader " * 10] * 200

    async def scenario(service):
        gate = await hold(service, monkeypatch)
        first = asyncio.create_task(service.rank(Job(query="read", texts=texts)))
        await gate.reach()
        with pytest.raises(DeadlineTooShort) as told:
            await service.rank(Job(query="read", texts=texts, budget_ms=1e-3, when_late="refuse"))
        partial = await service.rank(Job(query="read", texts=texts, budget_ms=1e-3))
        gate.open.set()
        await first
        return told.value, partial

    told, partial = served(scenario, entries)
    assert told.needed_ms > told.budget_ms
    assert len(partial.scores) == 200
    assert not partial.scores.scored.any()
    assert partial.scores.timings.reranked == 0


def test_an_answer_comes_at_its_deadline_although_the_model_is_late(entries, monkeypatch):
    async def scenario(service):
        gate = await hold(service, monkeypatch)
        # The model holds until after the answer: only the deadline can give it.
        partial = await service.rank(Job(query="read", texts=["csv"] * 5, budget_ms=200))
        with pytest.raises(DeadlineTooShort):
            await service.rank(
                Job(query="read", texts=["csv"] * 5, budget_ms=200, when_late="refuse")
            )
        gate.open.set()
        return partial

    assert not served(scenario, entries).scores.scored.any()


def test_a_slow_moment_is_not_believed_for_ever(entries):
    job = Job(query="read", texts=["csv"], budget_ms=60_000)

    async def scenario(service):
        async with service._registry.use(None) as model:
            pacing = model._pacing
            now = [0.0]
            # A stall in the past: the machine is believed to be a million times slower.
            pacing._now = pacing._all._now = pacing._scored._now = lambda: now[0]
            for _ in range(50):
                now[0] += 1e6
                pacing.observe(1000.0, now[0] - 1e6, efforts={"full"}, cached=False)
            before = await service.rank(job)
            now[0] += 10.0
            return before, await service.rank(job)

    before, after = served(scenario, entries)
    # Nobody else is kept waiting, so one text is tried at once.
    assert before.scores.scored.any()
    assert after.scores.scored.all()


def test_what_takes_longer_than_the_servers_limit_is_told(entries, monkeypatch):
    async def scenario(service):
        gate = await hold(service, monkeypatch)
        with pytest.raises(TookTooLong):
            await service.rank(Job(query="read", texts=["csv"]))
        service._timeout_s = 0.0
        why = service.why_not_ready()
        gate.open.set()
        service._timeout_s = 60.0
        return why, await service.rank(Job(query="read", texts=["csv"]))

    why, answer = served(scenario, entries, timeout_s=0.2)
    assert "has been computed for more than 0 seconds" in why
    assert answer.scores.scored.all()


def test_the_work_of_a_client_that_went_away_is_dropped(entries, monkeypatch):
    async def scenario(service):
        gate = await hold(service, monkeypatch)
        first = asyncio.create_task(service.rank(Job(query="read", texts=["csv"])))
        await gate.reach()
        second = asyncio.create_task(service.rank(Job(query="hold", texts=["csv"])))
        gone = asyncio.create_task(service.rank(Job(query="gone", texts=["csv"] * 50)))
        async with service._registry.use(None) as model:
            while model.batcher.waiting + len(model.batcher._turns) < 3:
                await asyncio.sleep(0)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
            assert service._registry._users[model.name] == 3
        gate.open.set()
        await asyncio.gather(first, second)
        return gate.groups

    assert sum(served(scenario, entries)) == 2


def test_a_batch_that_fails_is_named_and_the_server_goes_on(entries, monkeypatch):
    async def scenario(service):
        gate = await hold(service, monkeypatch, fail=[RuntimeError("bad tensor")])
        gate.open.set()
        with pytest.raises(Failed, match="RuntimeError: bad tensor"):
            await service.rank(Job(query="read", texts=["csv"]))
        return await service.rank(Job(query="read", texts=["csv"]))

    assert served(scenario, entries).scores.scored.all()


def test_a_thread_that_ends_is_noticed_and_replaced(entries, monkeypatch, caplog):
    async def scenario(service):
        # Whoever watches is the test.
        service._watching.cancel()
        gate = await hold(service, monkeypatch, fail=[SystemExit(1), SystemExit(1)])
        gate.open.set()
        for _ in range(2):
            with pytest.raises(Failed, match="SystemExit"):
                await service.rank(Job(query="read", texts=["csv"]))
        async with service._registry.use(None) as model:
            await asyncio.to_thread(model.workers.join, 60)
        why = service.why_not_ready()
        await service.mend()
        return why, service.why_not_ready(), await service.rank(Job(query="read", texts=["csv"]))

    why, then, answer = served(scenario, entries)
    assert "thread" in why
    assert then is None
    assert answer.scores.scored.all()
    assert "another takes its place" in caplog.text


def test_a_model_that_nobody_asks_for_is_freed_and_loaded_again(entries):
    async def scenario(service):
        job = Job(query="read", texts=["csv"], model="other")
        await service.rank(job)
        async with service._registry.use("other"):
            await service.mend()
            used = [one.info is None for one in service.models()]
        await service.mend()
        freed = [one.info is None for one in service.models()]
        return used, freed, await service.rank(job)

    used, freed, answer = served(scenario, entries, idle_s=0.0)
    assert used == [False, False]
    assert freed == [False, True]
    assert answer.scores.scored.all()


def test_the_end_finishes_what_is_in_flight_and_refuses_the_rest(entries, monkeypatch):
    async def scenario():
        service = BatchingService(entries)
        async with service:
            gate = await hold(service, monkeypatch)
            jobs = [Job(query=f"read {number}", texts=["csv"] * 9) for number in range(20)]
            waiting = [asyncio.create_task(service.rank(job)) for job in jobs]
            await gate.reach()
            ending = asyncio.create_task(service.__aexit__(None, None, None))
            while service.why_not_ready() is None:
                await asyncio.sleep(0)
            assert "ending" in service.why_not_ready()
            with pytest.raises(Closed):
                await service.rank(jobs[0])
            gate.open.set()
            answers = await asyncio.gather(*waiting)
            await ending
        return answers

    answers = asyncio.run(scenario())
    assert all(answer.scores.scored.all() for answer in answers)


def test_several_queries_are_one_request(entries, library):
    jobs = [Job(query=query, texts=["read a csv file", "sort"]) for query in ("read", "sort")]

    async def scenario(service):
        answers = await service.rank_together(jobs)
        with pytest.raises(InputError):
            await service.rank_together([jobs[0], Job(query="", texts=["a"])])
        assert await service.rank_together([]) == []
        return answers

    for job, answer in zip(jobs, served(scenario, entries), strict=True):
        expected = library.score(job.query, job.texts).scores
        np.testing.assert_allclose(answer.scores.scores, expected, atol=CLOSE)


def test_metrics_say_what_happened(entries):
    async def scenario(service):
        await service.rank(Job(query="read", texts=["csv", "csv " * 200]))
        await service.rank(Job(query="read", texts=["csv"], budget_ms=1e-6))
        with pytest.raises(DeadlineTooShort):
            await service.rank(Job(query="read", texts=["csv"], budget_ms=1e-6, when_late="refuse"))
        return service.metrics

    metrics = served(scenario, entries)
    lines = dict(
        line.rsplit(" ", 1) for line in metrics.text().decode().splitlines() if line[0] != "#"
    )
    assert lines["secondpass_texts_total"] == "3.0"
    assert lines["secondpass_texts_scored_total"] == "2.0"
    assert lines["secondpass_texts_truncated_total"] == "1.0"
    assert lines["secondpass_deadline_misses_total"] == "1.0"
    assert lines['secondpass_refused_total{reason="DeadlineTooShort"}'] == "1.0"
    assert lines["secondpass_queue_seconds_count"] == "2.0"
    assert lines['secondpass_stage_seconds_count{stage="infer"}'] == "2.0"
    assert float(lines["secondpass_batch_tokens_count"]) >= 1
    assert float(lines['secondpass_engine_tokens_total{kind="padding"}']) > 0
    assert set(metrics.recent.percentiles()["queue"]) == {"p50", "p95", "p99"}
