"""The result as the tables of docs/results/serve.md."""

from __future__ import annotations

from statistics import median

from benchmarks.serve.result import Beside, Loaded, Result


def page(result: Result) -> str:
    """Return what it depends on, what holds, and the numbers behind it."""
    parts = [_facts(result), _checks(result), _loads(result), _beside(result)]
    return "\n\n".join(part for part in parts if part)


def _facts(result: Result) -> str:
    model, machine = result.model, result.machine
    return (
        f"{model.name}, {model.precision}, {model.threads} threads; {machine.processor}, "
        f"{machine.cores_usable} cores usable; requests of {result.texts_mean:.1f} texts and "
        f"{result.tokens_mean:.0f} tokens on average; the clients are on the same machine. "
        f"{result.created}, `{result.command}`"
    )


def _checks(result: Result) -> str:
    rows = [
        f"| {asked} | {found} | {'yes' if holds else 'NO'} |"
        for asked, found, holds in result.checks()
    ]
    return "\n".join(("| asked | measured | holds |\n|---|--:|---|", *rows))


def _loads(result: Result) -> str:
    rows = []
    if result.speeds:
        by_whom = {
            "library, one thread": result.speeds.one_thread,
            "library, four threads": result.speeds.four_threads,
            f"server, {result.clients} clients": result.speeds.server,
        }
        rows.append("| tokens a second | median | least | most |\n|---|--:|--:|--:|")
        rows += [
            f"| {who} | {median(speeds):,.0f} | {min(speeds):,.0f} | {max(speeds):,.0f} |"
            for who, speeds in by_whom.items()
        ]
    loads = {"saturation": result.saturated, "twice that": result.twice}
    rates = [_rate(name, load) for name, load in loads.items() if load]
    if rates:
        head = (
            "\n| load | requests a second | answered | refused | failed | hung | P50 ms | P95 ms "
            "| P99 ms | P99 of refusals ms |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
        )
        rows += [head, *rates]
    return "\n".join(rows)


def _rate(name: str, load: Loaded) -> str:
    refusal = "" if load.p99_refusal_ms is None else f"{load.p99_refusal_ms:.0f}"
    return (
        f"| {name} | {load.a_second:.1f} | {load.answered} | {load.refused} | {load.failed} "
        f"| {load.hung} | {load.p50_ms:.0f} | {load.p95_ms:.0f} | {load.p99_ms:.0f} | {refusal} |"
    )


def _beside(result: Result) -> str:
    if not result.beside:
        return ""
    head = (
        f"On the same weights, {result.clients} clients, in turns:\n\n"
        "| server | tokens a second | P50 ms | P99 ms | failed | memory MiB |\n"
        "|---|--:|--:|--:|--:|--:|"
    )
    return "\n".join((head, *map(_server, result.beside)))


def _server(one: Beside) -> str:
    return (
        f"| {one.name} | {median(one.tokens_a_second):,.0f} | {one.p50_ms:.0f} | {one.p99_ms:.0f} "
        f"| {one.failed} | {one.mib:,.0f} |"
    )
