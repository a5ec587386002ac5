"""A record against a run of today, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from secondpass.checks import shortened
from secondpass.types import ModelInfo
from secondpass.verify.arithmetic import compare_arithmetic
from secondpass.verify.check_lines import Line, not_recorded, same_hash, same_or_different
from secondpass.verify.compare_outputs import Grades, compare_outputs
from secondpass.verify.record import DataSource, Latency, ModelUse, Record


def compare(recorded: Record, here: Record) -> list[Line]:
    """Return one line for each thing that can be compared, those that decide last but times."""
    there, now = recorded.outcome, here.outcome
    return [
        *compare_surroundings(recorded, here),
        *compare_models(there.models, now.models),
        *compare_data(there.data, now.data),
        same_or_different("seed", _or_dash(there.seed), _or_dash(now.seed), decides=True),
        same_or_different("vectors", _vectors(recorded), _vectors(here), decides=True),
        *compare_outputs(there.observed, now.observed, grades(recorded, here)),
        *compare_latencies(there.latencies, now.latencies),
    ]


def grades(recorded: Record, here: Record) -> Grades:
    """Return by role how closely the outputs of that model can be compared."""
    now = {use.role: use.info for use in here.outcome.models}
    return {
        use.role: compare_arithmetic(
            use.info, now[use.role], recorded_on=recorded.machine, here_on=here.machine
        )
        for use in recorded.outcome.models
        if use.role in now
    }


def compare_surroundings(recorded: Record, here: Record) -> Iterator[Line]:
    """Yield what may explain another output, and decides nothing itself."""
    there, now = recorded.machine, here.machine
    yield same_hash("code of secondpass", recorded.code_sha256, here.code_sha256, decides=False)
    yield same_or_different("Python", _python(recorded), _python(here))
    yield from _packages(recorded, here)
    yield same_or_different("system", there.system, now.system)
    yield same_or_different("processor", there.processor, now.processor)
    yield same_or_different("processor flags", _flags(recorded), _flags(here))
    yield same_or_different("cores used", there.cores_usable, now.cores_usable)
    yield same_or_different("memory", _gib(there.memory_total), _gib(now.memory_total))
    available = (_gib(there.memory_available), _gib(now.memory_available))
    yield Line("memory available", "shown", *available)
    yield same_or_different("backend", recorded.backend.processor, here.backend.processor)
    yield same_or_different("engine", recorded.backend.engine, here.backend.engine)


def compare_models(recorded: Sequence[ModelUse], here: Sequence[ModelUse]) -> Iterator[Line]:
    """Yield name and hashes of each model, which decide, and how it computes, which explains."""
    found = {use.role: use.info for use in here}
    for use in recorded:
        role, there, now = use.role, use.info, found.get(use.role)
        if now is None:
            yield Line(role, "missing", there.name, "-", "not loaded here", decides=True)
            continue
        yield same_or_different(role, _name(use), _name(ModelUse(role, now)))
        why = f"{now.name} has another hash here"
        yield same_hash(f"{role}: weights", there.weights_sha256, now.weights_sha256, why=why)
        yield same_hash(f"{role}: tokenizer", there.tokenizer_sha256, now.tokenizer_sha256, why=why)
        yield from _asked(role, there, now)
        yield same_or_different(f"{role}: precision", there.precision, now.precision)
        yield same_or_different(f"{role}: arithmetic", there.arithmetic, now.arithmetic)
    roles = {use.role for use in recorded}
    yield from (not_recorded(use.role, use.info.name) for use in here if use.role not in roles)


def compare_data(recorded: Sequence[DataSource], here: Sequence[DataSource]) -> Iterator[Line]:
    """Yield a line for each file, folder or index that was read."""
    found = {source.name: source for source in here}
    for there in recorded:
        now = found.get(there.name)
        if now is None:
            yield Line(
                there.name,
                "missing",
                there.sha256[:12],
                "-",
                f"{there.path} was not read here",
                True,
            )
        else:
            why = f"{now.path} has another content here"
            yield same_hash(there.name, there.sha256, now.sha256, why=why)
    names = {source.name for source in recorded}
    yield from (not_recorded(one.name, one.sha256[:12]) for one in here if one.name not in names)


def compare_latencies(recorded: Sequence[Latency], here: Sequence[Latency]) -> Iterator[Line]:
    """Yield each latency with its ratio. Times differ from run to run and decide nothing."""
    found = {(one.name, one.statistic): one for one in here}
    for there in recorded:
        what = f"{there.name}, {there.statistic}"
        now = found.get((there.name, there.statistic))
        if now is None:
            yield Line(what, "shown", _ms(there), "-", "not measured here")
            continue
        ratio = f"{now.ms / there.ms:.2f} times" if there.ms else "recorded as 0"
        yield Line(what, "shown", _ms(there), _ms(now), ratio)


def _packages(recorded: Record, here: Record) -> Iterator[Line]:
    """Yield one line for each package of another version, or one for all where none is."""
    there, now = recorded.software.packages, here.software.packages
    changed = sorted(name for name in there.keys() | now.keys() if there.get(name) != now.get(name))
    alike = sum(there.get(name) == version for name, version in now.items())
    yield Line("packages", "same", f"{alike} of {len(there)}", f"{alike} of {len(now)}")
    for name in changed:
        yield Line(f"package {name}", "different", there.get(name, "none"), now.get(name, "none"))


def _python(record: Record) -> str:
    return f"{record.software.implementation} {record.software.python}"


def _flags(record: Record) -> str:
    flags = record.machine.processor_flags
    return flags if isinstance(flags, str) else " ".join(flags) or "none of those that tell"


def _vectors(record: Record) -> str:
    vectors = record.outcome.vectors
    return "none" if vectors is None else f"{vectors.count} of {vectors.dimension} numbers"


def _asked(role: str, there: ModelInfo, now: ModelInfo) -> Iterator[Line]:
    """Yield instruction and chat template of a model that has them on a side."""
    if there.instruction or now.instruction:
        line = same_or_different(
            f"{role}: instruction", there.instruction, now.instruction, decides=True
        )
        shown = shortened(there.instruction), shortened(now.instruction)
        yield replace(line, recorded=shown[0], here=shown[1])
    templates = [one.chat_template_sha256 or "-" for one in (there, now)]
    if templates != ["-", "-"]:
        why = f"{now.name} has another chat template here"
        yield same_hash(f"{role}: chat template", *templates, why=why)


def _name(use: ModelUse) -> str:
    return use.info.name + (f"@{use.info.revision[:8]}" if use.info.revision else "")


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)


def _gib(size: int | str) -> str:
    return size if isinstance(size, str) else f"{size / 2**30:.1f} GiB"


def _ms(latency: Latency) -> str:
    return f"{latency.ms:.2f} ms"
