"""secondpass models."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import click

from secondpass.cli import output
from secondpass.cli.options import json_option
from secondpass.cli.wording import told
from secondpass.errors import InputError, SecondpassError


@dataclass(frozen=True, slots=True)
class _Row:
    """One model on this machine."""

    model: str
    kind: str
    precision: str
    mb: float
    sha256: str


@click.command("models")
@json_option
def command(as_json: bool) -> None:
    """Show what is embedded and what is cached: size, precision and hash of the weights."""
    rows = [*_embedded(), *_hub(), *_graphs()]
    if output.for_a_person(as_json):
        output.print_table(
            ("model", "kind", "precision", "MB", "sha256"),
            [
                (row.model, row.kind, row.precision, f"{row.mb:.1f}", row.sha256[:16])
                for row in rows
            ],
        )
    else:
        output.print_json_lines(dataclasses.asdict(row) for row in rows)


def _embedded() -> list[_Row]:
    from secondpass.models.embedded import embedded_folder, embedded_names

    return [
        _weights_row(name, "embedded", "int8", embedded_folder(name)) for name in embedded_names()
    ]


def _hub() -> list[_Row]:
    """List hub snapshots that we can read; the cache is the hub library's own.

    A broken one is a note on standard error: it must not hide the others.
    """
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    from secondpass.models.hub import missing_files
    from secondpass.settings import hub_folder

    try:
        cache = scan_cache_dir(hub_folder())
    except (CacheNotFound, InputError):  # nothing was fetched yet, or there is no home folder
        return []
    except OSError as error:
        output.say(f"note: the hub models in {error.filename} cannot be read: {error.strerror}")
        return []
    rows = []
    for repository in sorted(cache.repos, key=lambda found: found.repo_id):
        for revision in repository.revisions:
            name = f"{repository.repo_id}@{revision.commit_hash[:8]}"
            try:
                if repository.repo_type == "model" and not missing_files(revision.snapshot_path):
                    rows.append(_weights_row(name, "hub", "fp32", revision.snapshot_path))
            except (SecondpassError, OSError) as error:
                output.say(f"note: {name} is left out, it cannot be read: {told(error)}")
    return rows


def _weights_row(name: str, kind: str, precision: str, folder: Path) -> _Row:
    from secondpass.models.digest import files_sha256
    from secondpass.models.files import find_weights

    weights = find_weights(folder)
    return _Row(name, kind, precision, weights.bytes / 1e6, files_sha256(weights.files))


def _graphs() -> list[_Row]:
    from secondpass.engine.graph_cache import list_cached
    from secondpass.settings import Settings

    try:
        graphs = list_cached(Settings.from_environment().cache_dir)
    except OSError as error:
        output.say(f"note: the graphs in {error.filename} cannot be read: {error.strerror}")
        return []
    return [
        _Row(graph.model_name, "graph", graph.precision, graph.bytes / 1e6, graph.weights_sha256)
        for graph in graphs
    ]
