"""Time secondpass beside its rivals: same weights, same candidates, a process each, interleaved.

    make bench-speed

Our bias: we wrote it. Against it: rivals get their best batch size where they have one, the rounds
go round the contestants so that a slow minute hits all, and each row shows how well its order
agrees with fp32's, so that speed bought with wrong scores would show.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from scipy.stats import spearmanr

from benchmarks.speed.work import Work, make_work, token_counts
from secondpass.facts.machine import read_machine

ROOT = Path(__file__).parent.parent.parent
CONTESTANTS = (
    "sentence_transformers_default",
    "sentence_transformers_best",
    "flashrank_int8",
    "sentence_transformers_openvino_int8",
    "secondpass_auto",
    "secondpass_int8",
)


class Contestant:
    """A process that scores lists when told to."""

    def __init__(self, name: str, work_file: Path) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.speed.contestant", name, str(work_file)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(work_file.parent / f"{name}.log").open("w"),
            text=True,
        )
        ready = self._answer()
        self.label, self.detail = ready["label"], ready["detail"]
        self.ms: list[float] = []
        self.scores: list[list[float]] = []

    def score(self, number: int) -> None:
        """Score one list and keep time and scores."""
        assert self._process.stdin is not None
        print(number, file=self._process.stdin, flush=True)
        answer = self._answer()
        self.ms.append(answer["ms"])
        self.scores.append(answer["scores"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _answer(self) -> dict:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended with status {self._process.wait()}; see its log")
        return json.loads(line)


def main() -> None:
    """Run all rounds and print the table; --json keeps every time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--model", type=Path, default=ROOT.parent / "shared" / "models" / "minilm-ce-first"
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--depth", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", nargs="+", default=CONTESTANTS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not (arguments.model / "model.safetensors").exists():
        sys.exit(f"{arguments.model} holds no model.safetensors; name a BERT folder with --model")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        work = make_work(
            arguments.model,
            Path(scratch),
            rounds=arguments.rounds,
            depth=arguments.depth,
            seed=arguments.seed,
        )
        contestants = run(work, Path(scratch), arguments.only)
        report(work, contestants, arguments)


def run(work: Work, scratch: Path, names: list[str]) -> list[Contestant]:
    """Load all one after the other, then let each score each list in turn."""
    file = scratch / "work.json"
    work.save(file)
    contestants = []
    try:
        for name in names:
            print(f"loading {name}", file=sys.stderr)
            contestants.append(Contestant(name, file))
        for number in range(len(work.queries)):
            print(f"round {number + 1} of {len(work.queries)}", file=sys.stderr)
            start = number % len(contestants)
            for contestant in contestants[start:] + contestants[:start]:
                contestant.score(number)
    except BaseException:
        for log in scratch.glob("*.log"):
            print(f"--- {log.name}\n{log.read_text()[-3000:]}", file=sys.stderr)
        raise
    finally:
        for contestant in contestants:
            contestant.close()
    return contestants


def report(work: Work, contestants: list[Contestant], arguments: argparse.Namespace) -> None:
    """Print medians with their spread, and ratios taken round by round."""
    machine = read_machine()
    tokens = token_counts(work)
    print(
        f"{machine.processor}, {machine.cores_usable} cores, {' '.join(machine.processor_flags)}\n"
        f"{arguments.depth} candidates of {np.mean(tokens):.0f} tokens on average, "
        f"{len(work.queries)} rounds, weights {arguments.model.name}\n"
    )
    base = contestants[0]
    rows = []
    for one in contestants:
        ratios = [ours / theirs for ours, theirs in zip(base.ms, one.ms, strict=True)]
        agreement = [
            spearmanr(a, b).statistic for a, b in zip(base.scores, one.scores, strict=True)
        ]
        rows.append(
            {
                "label": one.label,
                "detail": one.detail,
                "median_ms": median(one.ms),
                "min_ms": min(one.ms),
                "max_ms": max(one.ms),
                "times_faster": median(ratios),
                "times_faster_min": min(ratios),
                "times_faster_max": max(ratios),
                "spearman_with_first": float(np.mean(agreement)),
                "ms": one.ms,
            }
        )
    print("| who | ms (median) | min to max | times faster (spread) | Spearman with row 1 |")
    print("|---|---|---|---|---|")
    for row in rows:
        detail = f" ({row['detail']})" if row["detail"] else ""
        print(
            f"| {row['label']}{detail} | {row['median_ms']:,.0f} "
            f"| {row['min_ms']:,.0f} to {row['max_ms']:,.0f} "
            f"| {row['times_faster']:.2f} ({row['times_faster_min']:.2f} to "
            f"{row['times_faster_max']:.2f}) | {row['spearman_with_first']:.4f} |"
        )
    if arguments.json:
        facts = {"processor": machine.processor, "flags": machine.processor_flags}
        facts |= {"cores": machine.cores_usable, "tokens_mean": float(np.mean(tokens))}
        arguments.json.write_text(json.dumps({"machine": facts, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
