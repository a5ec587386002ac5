"""What came out there and here: order, scores and measures, which decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from secondpass.verify.arithmetic import SCORE_TOLERANCE, WITHOUT_MODEL, Comparability
from secondpass.verify.check_lines import Line, Verdict, not_recorded, same_hash
from secondpass.verify.order import among, score_difference, widest_shift, widest_swap
from secondpass.verify.outputs import RankedQuery, Role, StageOutput
from secondpass.verify.record import Measure, Observed

Grades = Mapping[Role, Comparability]


def compare_outputs(recorded: Observed, here: Observed, grades: Grades) -> Iterator[Line]:
    """Yield the lines of every stage and measure of the record."""
    stages = {stage.stage: stage for stage in here.stages}
    for stage in recorded.stages:
        if stage.stage not in stages:
            yield Line(f"{stage.stage}: order", "missing", "there", "-", "no such stage", True)
            continue
        allowed = _documents_in_both(stage, recorded, here)
        yield from _compare_stage(stage, stages[stage.stage], allowed, _grade(stage, grades))
    names = {stage.stage for stage in recorded.stages}
    for stage in here.stages:
        if stage.stage not in names:
            yield not_recorded(f"{stage.stage}: order", f"{len(stage.queries)} queries")
    yield from _compare_measures(recorded, here, grades)


def _grade(stage: StageOutput, grades: Grades) -> Comparability:
    if stage.model is None:
        return WITHOUT_MODEL
    return grades.get(stage.model, Comparability("none", f"no {stage.model} is recorded"))


def _documents_in_both(
    stage: StageOutput, recorded: Observed, here: Observed
) -> dict[str, frozenset[str]]:
    """Return, by query, the documents that a reranking stage was given both there and here.

    A stage is not to blame for what the stage before it left out.
    """
    given = [
        {query.query: frozenset(query.ids) for query in one.queries}
        for observed in (recorded, here)
        for one in observed.stages
        if one.stage == stage.reranks
    ]
    if len(given) != 2:
        return {}
    there, now = given
    return {query: there[query] & now[query] for query in there.keys() & now.keys()}


def _compare_stage(
    recorded: StageOutput,
    here: StageOutput,
    allowed: Mapping[str, frozenset[str]],
    grade: Comparability,
) -> Iterator[Line]:
    queries = {query.query: query for query in here.queries}
    pairs = []
    for query in recorded.queries:
        what = f"{recorded.stage}: order for {query.query}"
        found = queries.get(query.query)
        if found is None:
            yield Line(what, "missing", _first(query), "-", "no output for this query", True)
            continue
        ids = allowed.get(query.query)
        pair = (query, found) if ids is None else (among(query, ids), among(found, ids))
        pairs.append(pair)
        verdict, why = _order(*pair, grade)
        yield Line(what, verdict, _first(query), _first(found), why, decides=True)
    names = {query.query for query in recorded.queries}
    for query in here.queries:
        if query.query not in names:
            yield not_recorded(f"{recorded.stage}: order for {query.query}", _first(query))
    if pairs:
        yield _compare_scores(f"{recorded.stage}: scores", pairs, grade)
    if recorded.run_sha256 is not None:
        hashes = (recorded.run_sha256, here.run_sha256 or "-")
        yield same_hash(f"{recorded.stage}: whole run", *hashes, decides=False)


def _order(recorded: RankedQuery, here: RankedQuery, grade: Comparability) -> tuple[Verdict, str]:
    if grade.grade == "none":
        return "not comparable", grade.why
    if len(recorded.ids) != len(here.ids):
        return "different", f"{len(recorded.ids)} documents there, {len(here.ids)} here"
    swap, margin = widest_swap(recorded, here), grade.swap_margin(recorded.scores)
    if swap is None:
        return "same", ""
    if swap.gap <= margin:
        # By the scores of today too, so that no score in a record can excuse another order.
        back, margin_here = widest_swap(here, recorded), grade.swap_margin(here.scores)
        if back is None or back.gap <= margin_here:
            return "within tolerance", f"{swap}, {margin:.4g} is allowed"
        swap, margin = back, margin_here
    if grade.saturates:
        return "not comparable", f"{grade.why}; {swap}"
    return "different", f"{swap}, more than {margin:.4g}"


def _compare_scores(
    what: str, pairs: list[tuple[RankedQuery, RankedQuery]], grade: Comparability
) -> Line:
    """Compare the scores of a stage over all queries; they decide at fp32 only."""
    there, now = _highest(pairs[0][0]), _highest(pairs[0][1])
    difference = max(score_difference(*pair) for pair in pairs)
    shift = max(widest_shift(*pair) for pair in pairs)
    why = f"largest difference {difference:.2g}, {shift:.1%} of the range" if difference else ""
    if grade.grade in ("none", "other"):
        return Line(what, "not comparable", there, now, f"{grade.why}; {why}".rstrip("; "))
    verdict: Verdict = "same"
    if difference > 0:
        verdict = "within tolerance" if difference <= SCORE_TOLERANCE else "different"
        why = f"{why}, {SCORE_TOLERANCE:g} is allowed"
    return Line(what, verdict, there, now, why, decides=grade.scores_decide)


def _compare_measures(recorded: Observed, here: Observed, grades: Grades) -> Iterator[Line]:
    """Compare means; the worst of the models' grades holds for them all."""
    found = {(one.stage, one.measure): one for one in here.measures}
    grade = _worst([*grades.values(), WITHOUT_MODEL])
    for measure in recorded.measures:
        yield _compare_measure(measure, found.get((measure.stage, measure.measure)), grade)
    there = {(one.stage, one.measure) for one in recorded.measures}
    for (stage, name), measured in found.items():
        if (stage, name) not in there:
            yield not_recorded(f"{stage}: {name}", f"{measured.mean:.4f}")


def _compare_measure(recorded: Measure, here: Measure | None, grade: Comparability) -> Line:
    what, there = f"{recorded.stage}: {recorded.measure}", f"{recorded.mean:.4f}"
    if here is None:
        return Line(what, "missing", there, "-", "not measured here", decides=True)
    now = f"{here.mean:.4f}"
    if grade.grade == "none":
        return Line(what, "not comparable", there, now, grade.why, decides=True)
    difference, allowed = abs(here.mean - recorded.mean), grade.measure_tolerance
    if difference == 0:
        return Line(what, "same", there, now, decides=True)
    why = f"difference {difference:.2g}, {allowed:g} is allowed"
    if difference <= allowed:
        return Line(what, "within tolerance", there, now, why, decides=True)
    if grade.saturates:
        return Line(what, "not comparable", there, now, f"{grade.why}; {why}", decides=True)
    return Line(what, "different", there, now, why, decides=True)


def _worst(grades: list[Comparability]) -> Comparability:
    rank = ("exact", "alike", "other", "none")
    return max(grades, key=lambda grade: (rank.index(grade.grade), grade.saturates))


def _first(query: RankedQuery, shown: int = 3) -> str:
    return " ".join(query.ids[:shown]) + (" …" if len(query.ids) > shown else "")


def _highest(query: RankedQuery) -> str:
    return f"best {query.scores[0]:.4f}" if query.scores else "-"
