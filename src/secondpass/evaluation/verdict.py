"""Does reranking help? Each measure compared in pairs of queries, and the answer in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.evaluation.measures import Values
from secondpass.evaluation.result import Comparison, Evaluation, Verdict
from secondpass.stats.paired import PairedDifference, holm, paired_difference

LEVEL = 0.05


def compare(before: Values, after: Values, *, seed: int) -> tuple[Comparison, ...]:
    """Compare all measures, their p-values corrected for being several by Holm's method.

    One that no query changed in, such as R@100 at depth 100, is not a test that could find
    something: it does not count (Tarone, 1990).
    """
    differences = [paired_difference(before[name], after[name], seed=seed) for name in before]
    tested = iter(holm([one.p_value for one in differences if _changed(one)]))
    corrected = [next(tested) if _changed(one) else 1.0 for one in differences]
    return tuple(
        Comparison(
            measure=name,
            first_stage=float(before[name].mean()),
            reranked=float(after[name].mean()),
            difference=one.mean,
            low=one.low,
            high=one.high,
            p_value=one.p_value,
            p_holm=p_holm,
            helped=one.higher,
            hurt=one.lower,
            unchanged=one.equal,
            verdict=judge(one, p_holm),
        )
        for name, one, p_holm in zip(before, differences, corrected, strict=True)
    )


def _changed(difference: PairedDifference) -> bool:
    return difference.higher + difference.lower > 0


def judge(difference: PairedDifference, p_holm: float) -> Verdict:
    """Say "helps" or "hurts" only where the interval leaves zero out and the test agrees."""
    if difference.low is None or difference.high is None or p_holm >= LEVEL:
        return "no evidence that it helps"
    if difference.low > 0:
        return "helps"
    return "hurts" if difference.high < 0 else "no evidence that it helps"


def conclusion(evaluation: Evaluation) -> str:
    """Return the verdict as a sentence, and first whether the evaluation was interrupted."""
    said = in_words(evaluation.comparisons)
    return said if evaluation.complete else f"INCOMPLETE, interrupted: {said}"


def in_words(comparisons: Sequence[Comparison]) -> str:
    """Return the verdict on the first measure as a sentence, and where the others differ."""
    main, *others = comparisons
    queries = main.helped + main.hurt + main.unchanged
    count = corrected_for(comparisons)
    sentence = (
        f"{_ANSWER[main.verdict]}: {main.measure} goes from {main.first_stage:.4f} to "
        f"{main.reranked:.4f} over {queries} queries ({bounds(main)}; {p_text(main.p_holm)}"
        f"{_corrected(count)}).{_why_not(main, count)}"
    )
    for comparison in others:
        # One that no query changed in, such as R@100 at depth 100, says nothing either way.
        if comparison.verdict != main.verdict and comparison.helped + comparison.hurt:
            sentence += f" By {comparison.measure}: {comparison.verdict}."
    return sentence


def corrected_for(comparisons: Sequence[Comparison]) -> int:
    """Return for how many measures the p-values are corrected: those that some query changed in."""
    return sum(one.helped + one.hurt > 0 for one in comparisons)


def _why_not(main: Comparison, count: int) -> str:
    """Say why an interval that leaves zero out is not evidence, where that is so."""
    if main.low is None or main.high is None or main.low <= 0 <= main.high or main.p_holm < LEVEL:
        return ""
    changed = main.helped + main.hurt
    # Of the 2**n ways to swap the labels two are as far from zero as the one that was found.
    least = min(1.0, count * 2.0 ** (1 - changed))
    if least >= LEVEL:
        return (
            f" The interval leaves zero out, but of {changed} queries that "
            f"changed no p below {least:.3f} can come{_corrected(count)}: judge more queries."
        )
    return (
        f" The interval leaves zero out, but the verdict needs p below {LEVEL} too: the interval "
        "is of one measure, p is corrected for all."
    )


def bounds(comparison: Comparison) -> str:
    """Return the difference with its interval, such as "+0.0502 [+0.0310, +0.0701]"."""
    if comparison.low is None or comparison.high is None:
        return f"{comparison.difference:+.4f}, too few queries for an interval"
    return f"{comparison.difference:+.4f} [{comparison.low:+.4f}, {comparison.high:+.4f}]"


def p_text(p_value: float) -> str:
    """Return a p-value as text; 9,999 resamples cannot show one below 0.0002."""
    return "p < 0.0005" if p_value < 0.0005 else f"p = {p_value:.3f}"


def _corrected(count: int) -> str:
    return f" after Holm's correction for {count} measures" if count > 1 else ""


_ANSWER: dict[Verdict, str] = {
    "helps": "Reranking helps",
    "no evidence that it helps": "There is no evidence that reranking helps",
    "hurts": "Reranking hurts",
}
