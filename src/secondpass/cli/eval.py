"""secondpass eval COLLECTION."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secondpass.cli import INTERRUPTED, output
from secondpass.cli.extras import require_extra
from secondpass.cli.options import (
    embedder_option,
    json_instead_option,
    options_of,
    pair_fuse_option,
    reranker_options,
    states_option,
)
from secondpass.cli.table_options import (
    delimiter_option,
    id_column_option,
    text_column_option,
    title_column_option,
)
from secondpass.errors import InputError
from secondpass.options.call import RankOptions
from secondpass.options.fusion import Fuse, Fusion

if TYPE_CHECKING:
    from secondpass.cli.outputs import Outputs
    from secondpass.evaluation.collection import Collection
    from secondpass.evaluation.evaluate import Evaluated
    from secondpass.evaluation.first_stages.select import FirstStage
    from secondpass.evaluation.result import Evaluation
    from secondpass.reranker import CrossEncoderReranker
    from secondpass.retrieval.embedder import Embedder
    from secondpass.states.codec import StatePrecision

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("eval")
@click.argument("name", metavar="COLLECTION")
@click.option(
    "--first-stage",
    "first_stages",
    multiple=True,
    default=("dense",),
    show_default=True,
    metavar="dense|bm25|hybrid|run:FILE",
    help="What finds the candidates; several are fused by reciprocal rank.",
)
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many candidates of a query are reranked.",
)
@click.option(
    "--depths",
    metavar="N,N,...",
    help="Draw the quality-latency curve over these depths, such as 10,20,50,100,200.",
)
@click.option(
    "--measure",
    "measures",
    multiple=True,
    help="As ir_measures writes it; the verdict is on the first.  "
    "[default: nDCG@10, RR@10, AP, R@100]",
)
@click.option("--split", default="test", show_default=True, help="Which judgements of a folder.")
@click.option("--corpus", type=_FILE, help="Documents, where COLLECTION is a file of judgements.")
@click.option("--queries", type=_FILE, help="Queries, where COLLECTION is a file of judgements.")
@text_column_option
@title_column_option
@id_column_option
@delimiter_option
@click.option("--max-queries", type=click.IntRange(min=1), help="Evaluate a seeded choice of them.")
@pair_fuse_option
@options_of(RankOptions, "fuse_weight")
@embedder_option
@states_option
@reranker_options
@click.option("--run-out", type=_FILE, help="Write the reranked TREC run.")
@json_instead_option
@click.option("--json-out", "json_file", type=_FILE, help="Write all of it as one JSON object.")
@click.option("--html", "html_file", type=_FILE, help="Write a self-contained page.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the resampling, and of choices of queries.",
)
def command(
    name: str,
    first_stages: tuple[str, ...],
    depth: int,
    depths: str | None,
    measures: tuple[str, ...],
    split: str,
    corpus: Path | None,
    queries: Path | None,
    text_column: str | None,
    title_column: str | None,
    id_column: str | None,
    delimiter: str | None,
    max_queries: int | None,
    fuse: Fuse | None,
    fuse_weight: float | None,
    run_out: Path | None,
    embedder: str,
    states: StatePrecision | None,
    as_json: bool,
    json_file: Path | None,
    html_file: Path | None,
    seed: int,
    **model_options: Any,
) -> Evaluation:
    """Measure whether reranking helps on judged queries, how sure that is, and what it takes.

    COLLECTION is a folder in BEIR's layout (corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv),
    ir_datasets:ID, or a file of judgements (TREC's or BEIR's qrels) with --corpus and --queries,
    which may be JSON Lines, CSV, TSV or Parquet; the options of columns are those of the corpus.

    The candidates are ordered as `search` orders them: by both stages where dense retrieval alone
    finds them and both models are the embedded ones. --fuse none measures the reranker alone.
    --fuse-weight alone means --fuse weighted.

    With --states the reranker is given the candidates' states, as a search in an index with them
    does; encoding them is not in the times.
    """
    from secondpass.cli.eval_output import print_evaluation
    from secondpass.cli.loading import load_reranker
    from secondpass.cli.outputs import Outputs
    from secondpass.evaluation.beir_folder import DOCUMENTS
    from secondpass.evaluation.evaluate import evaluate
    from secondpass.evaluation.first_stages.select import check_names
    from secondpass.evaluation.measures import DEFAULT_MEASURES, check_measures
    from secondpass.evaluation.open_collection import open_collection
    from secondpass.evaluation.runs import check_writable_ids
    from secondpass.evaluation.with_states import WithStates
    from secondpass.ingest.tables import checked_delimiter
    from secondpass.interrupts import held_interrupt
    from secondpass.retrieval.embedder import Embedder

    require_extra("measure", "eval")
    outputs = Outputs(
        {"--run-out": run_out, "--json-out": json_file, "--html": html_file},
        read={"COLLECTION": name, "--corpus": corpus, "--queries": queries, **_runs(first_stages)},
    )
    check_measures(measures or DEFAULT_MEASURES)
    check_names(first_stages)
    curve_depths, asked = _parse_depths(depths), _asked_fusion(fuse, fuse_weight)
    collection = open_collection(
        name,
        split=split,
        corpus=corpus,
        queries=queries,
        columns=replace(DOCUMENTS, text=text_column, title=title_column, id=id_column),
        delimiter=checked_delimiter(delimiter),
    )
    if run_out is not None:
        check_writable_ids(collection)
    if max_queries is not None:
        collection = collection.sample(max_queries, seed)
    reranker = load_reranker(**model_options)
    if states is not None:
        reranker.encode_texts([], states)  # an error that it has none is known before the work
    stage = _find_candidates(
        first_stages,
        collection,
        max(depth, *curve_depths, 0),
        load_embedder=lambda: Embedder(embedder, threads=model_options["threads"]),
    )
    fusion = _default_fusion(stage, reranker) if asked is None else asked
    evaluated = evaluate(
        collection,
        stage,
        reranker if states is None else WithStates(reranker, states),
        depth=depth,
        depths=curve_depths,
        fusion=fusion,
        measures=measures or DEFAULT_MEASURES,
        seed=seed,
        command=output.command_line(),
        progress=output.progress,
        states=states,
    )
    with held_interrupt() as interrupted:
        if as_json:
            output.print_report(evaluated.evaluation)
        else:
            print_evaluation(evaluated.evaluation)
        _write(evaluated, outputs)
    if evaluated.interrupted or interrupted() or not evaluated.evaluation.complete:
        sys.exit(INTERRUPTED)
    outputs.finish()
    return evaluated.evaluation


def _asked_fusion(fuse: Fuse | None, fuse_weight: float | None) -> Fusion | None:
    if fuse is None and fuse_weight is None:
        return None
    return Fusion.checked(fuse or "weighted", fuse_weight)


def _default_fusion(stage: FirstStage, reranker: CrossEncoderReranker) -> Fusion:
    """Return what a search does; without similarities as the first stage's scores nothing."""
    from secondpass.pipeline import fusion_of

    return fusion_of(stage.similarities_of, reranker.info.name)


def _find_candidates(
    names: tuple[str, ...],
    collection: Collection,
    deepest: int,
    load_embedder: Callable[[], Embedder],
) -> FirstStage:
    from secondpass.evaluation.first_stages.select import RUN_LENGTH, find_candidates
    from secondpass.settings import Settings

    return find_candidates(
        names,
        collection,
        limit=max(RUN_LENGTH, deepest),
        load_embedder=load_embedder,
        cache_dir=Settings.from_environment().cache_dir,
        progress=output.progress,
    )


def _parse_depths(depths: str | None) -> tuple[int, ...]:
    if depths is None:
        return ()
    try:
        parsed = tuple(int(one) for one in depths.split(","))
    except ValueError:
        parsed = ()
    if not parsed or min(parsed) < 1:
        raise InputError(
            f"--depths {depths!r} is not a list of integers of at least 1, such as 10,20,50,100"
        )
    return parsed


def _runs(first_stages: tuple[str, ...]) -> dict[str, Path]:
    """Return the runs that are read, by what names them."""
    return {
        f"--first-stage {name}": Path(name.removeprefix("run:"))
        for name in first_stages
        if name.startswith("run:")
    }


def _write(evaluated: Evaluated, outputs: Outputs) -> None:
    from secondpass.evaluation.report import to_html
    from secondpass.evaluation.runs import write_run
    from secondpass.result_file import write_report, write_result

    evaluation = evaluated.evaluation
    outputs.write("--json-out", lambda file: write_result(file, evaluation))
    outputs.write("--html", lambda file: write_report(file, to_html(evaluation)))
    outputs.write("--run-out", lambda file: write_run(file, evaluated.run, "secondpass"))
