"""python -m recipes.embedded.fit LABELS STUDENT: from the student's logits to a probability.

Reads dev_scores.npz of label.py and student_dev.npz of distill.py. Prints how calibrated the fitted
map is on each collection under a map of the others, and what schedules of exits would reach. Writes
fit.json: what assemble.py multiplies into the weights.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recipes.embedded.dev_table import DevTable, tables_from_arrays
from recipes.embedded.exit_schedules import SCHEDULES, WEIGHTS, cost, simulate
from recipes.embedded.settings import RECIPE, Fit, read_settings
from secondpass.calibration.platt import Platt, expected_calibration_error, fit_platt

Numbers = NDArray[np.float64]
_POOL = "bm25"


@dataclass(frozen=True, slots=True)
class Fitted:
    """A collection's candidates, and the student's logits: exits by layer, and the end's."""

    table: DevTable
    exits: dict[int, Numbers]
    end: Numbers


def main(arguments: list[str] | None = None) -> None:
    """Print the tables and write fit.json beside the student."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("labels", type=Path)
    parser.add_argument("student", type=Path)
    parser.add_argument("--out", type=Path, help="by default fit.json beside the student")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    options = parser.parse_args(arguments)
    settings = read_settings(options.recipe)
    fitted = read_fitted(options.labels, options.student, settings.fit, settings.join_layer)
    judged = [one for one in fitted if one.table.name in settings.fit.collections]
    fit = fit_all(judged, settings.fit)
    out = options.out or options.student / "fit.json"
    out.write_text(json.dumps(fit, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(fit))
    print_schedules(fitted)


def read_fitted(labels: Path, student: Path, fit: Fit, join: int) -> list[Fitted]:
    """Return the fitted collections in the recipe's order, then the others."""
    with np.load(labels / "dev_scores.npz") as scores, np.load(student / "student_dev.npz") as dev:
        logits = {name: value.astype(np.float64) for name, value in dev.items()}
        tables = {table.name: table for table in tables_from_arrays(dict(scores.items()))}
    names = [name for name in fit.collections if name in tables]
    names += [name for name in tables if name not in names]
    return [_fitted(tables[name], logits, fit, join) for name in names]


def _fitted(table: DevTable, logits: dict[str, Numbers], fit: Fit, join: int) -> Fitted:
    heads = {
        key.removeprefix(f"{table.name}."): value
        for key, value in logits.items()
        if key.startswith(f"{table.name}.")
    }
    exits = {int(head): value for head, value in heads.items() if head.isdigit()}
    exits[join] = heads["early"]
    return Fitted(table, exits, heads["end"] + fit.early_bonus * heads["early"])


def fit_all(judged: Sequence[Fitted], fit: Fit) -> dict[str, Any]:
    """Return the map, and for each exit the line from its logits to the end's after the map."""
    random = np.random.default_rng(fit.seed)
    pairs = {one.table.name: judged_pairs(one, fit) for one in judged}
    for name, (logits, relevant) in pairs.items():
        others = [pairs[other] for other in pairs if other != name]
        platt = fit_platt(*_drawn(others, fit, random))
        error = expected_calibration_error(platt.probabilities(logits), relevant)
        print(f"{name}: expected calibration error {error:.3f} over {len(logits)} pairs")
    platt = fit_platt(*_drawn(list(pairs.values()), fit, random))
    lines = {str(layers): exit_line(judged, layers, platt) for layers in judged[0].exits}
    return {
        "C": fit.early_bonus,
        "slope": platt.slope,
        "intercept": platt.intercept,
        "lines": lines,
    }


def judged_pairs(fitted: Fitted, fit: Fit) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return logits and relevance of BM25's candidates of the first queries."""
    table = fitted.table
    rows, columns = np.nonzero(table.in_pool[_POOL][: fit.queries])
    grade = fit.first_relevant_grade.get(table.name, 1)
    return fitted.end[rows, columns], table.gains[rows, columns] >= grade


def exit_line(judged: Sequence[Fitted], layers: int, platt: Platt) -> list[float]:
    """Return slope and intercept of the least squares from an exit's logits to the mapped end's."""
    pools = [(one, one.table.in_pool[_POOL]) for one in judged]
    logits = np.concatenate([one.exits[layers][pool] for one, pool in pools])
    end = np.concatenate([one.end[pool] for one, pool in pools])
    return np.polyfit(logits, platt.slope * end + platt.intercept, 1).tolist()


def print_schedules(fitted: Sequence[Fitted]) -> None:
    """Print the mean nDCG@10 over bge's candidates of every schedule tried, and its cost.

    Schedules with an exit that the student does not have are left out.
    """
    usable = [one for one in fitted if one.table.in_pool["bge"].any()]
    full = float(np.mean([simulate(one.table, one.exits, one.end, [], 0) for one in usable]))
    print(f"all layers for all: {full:.4f}")
    there = usable[0].exits.keys()
    possible = [schedule for schedule in SCHEDULES if there >= {layer for layer, _ in schedule}]
    for weight in WEIGHTS:
        for schedule in possible:
            values = [simulate(one.table, one.exits, one.end, schedule, weight) for one in usable]
            mean = float(np.mean(values))
            print(
                f"first stage {weight:g}, {schedule}: cost {cost(schedule):.3f}, "
                f"nDCG@10 {mean:.4f}, {mean / full:.2%}"
            )


def _drawn(
    pairs: Sequence[tuple[Numbers, NDArray[np.bool_]]], fit: Fit, random: np.random.Generator
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Draw as many pairs of each collection, in turn again where it has fewer."""
    rows = [np.resize(random.permutation(len(logits)), fit.pairs) for logits, _ in pairs]
    drawn = [
        (logits[chosen], relevant[chosen])
        for (logits, relevant), chosen in zip(pairs, rows, strict=True)
    ]
    logits, relevant = map(np.concatenate, zip(*drawn, strict=True))
    return logits, relevant


if __name__ == "__main__":
    main()
