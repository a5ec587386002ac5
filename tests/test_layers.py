"""Imports point one way: up the list of levels in ARCHITECTURE.md, never down or sideways."""

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "src" / "secondpass"

# Level of each top-level module or folder. Of one level, only those in a tuple may meet.
LEVELS = [
    {"cgroup", "installation", "locks"},
    {"types", "errors", "interrupts", "progress", "atomic", "engine.contract"},
    {
        "architectures",
        "checks",
        "native",
        "regular_files",
        "report",
        "settings",
        "stats",
        "utf8",
        "verify.outputs",
    },
    {"environment", "jsonl", "options", "result_file", "states"},
    {"models"},
    {"scoring"},
    {"cost", "graph", "scorer"},
    {"score_cache"},
    {"engine"},
    {"deadline", "cascade", "identity", "testing"},
    {"loaded_model"},
    {"reranker", "retrieval", "drop_in"},
    {"pipeline", "ingest"},
    {"bench", "demo", "evaluation"},
    {"batch", "calibration", "compiling", "doctor", "plan", "training", "verify"},
    {"integrations", "serve"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: number for number, names in enumerate(LEVELS) for name in names}


def level_name(first, second=None, *_):
    """Return what has a level: a top-level module or folder, or a contract below its folder."""
    return f"{first}.{second}" if f"{first}.{second}" in LEVEL else first


def modules():
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        if parts != ("__init__",):
            yield level_name(*parts), file


def imported(file):
    """Names of our top-level modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.startswith("secondpass")
        ):
            assert node.level == 0
            parts = node.module.split(".")
            if len(parts) > 1:
                yield level_name(*parts[1:])
            else:
                yield from (alias.name for alias in node.names if alias.name in LEVEL)


def inner_imports():
    """Of each module that lies in a folder, by its dotted name, those of the folder it imports."""
    files = {
        ".".join(file.relative_to(PACKAGE).with_suffix("").parts): file for _, file in modules()
    }
    for name, file in files.items():
        found = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                module = node.module.removeprefix("secondpass.")
                found.update({module, *(f"{module}.{alias.name}" for alias in node.names)})
        yield name, {other for other in found & set(files) if other != name}


def test_no_imports_go_round_in_a_circle_within_a_folder():
    waiting = dict(inner_imports())
    while free := {name for name, others in waiting.items() if not others & set(waiting)}:
        for name in free:
            del waiting[name]
    assert waiting == {}


def test_every_module_has_a_level():
    assert {name for name, _ in modules()} == set(LEVEL)


def test_imports_point_up_the_list_only():
    wrong = [
        f"{file.relative_to(PACKAGE)} imports {other}"
        for name, file in modules()
        for other in imported(file)
        if other != name and LEVEL[other] >= LEVEL[name]
    ]
    assert wrong == []


def test_the_contracts_import_nothing_of_ours():
    for name in ("types", "cgroup", "installation", "progress", "locks", "engine/contract"):
        assert list(imported(PACKAGE / f"{name}.py")) == []


def test_one_file_imports_openvino_and_nncf_without_their_telemetry():
    importing = {
        str(file.relative_to(PACKAGE))
        for _, file in modules()
        if re.search(r"^ *(import|from) (openvino|nncf)", file.read_text(), re.M)
    }
    assert importing == {"graph/openvino.py"}
