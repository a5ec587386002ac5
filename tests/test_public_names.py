import ast
import inspect
from pathlib import Path

import pytest

import secondpass

PUBLIC = [
    "Candidates",
    "CrossEncoder",
    "CrossEncoderReranker",
    "Document",
    "Embedder",
    "EngineError",
    "Hit",
    "Index",
    "IndexExistsError",
    "IndexFileError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "ModelFileError",
    "ModelInfo",
    "ModelNotFoundError",
    "Passage",
    "RankOptions",
    "Ranking",
    "RerankerOptions",
    "RetrievedDocument",
    "ScoreError",
    "Scores",
    "SearchHit",
    "SearchPipeline",
    "SearchResult",
    "SearchTimings",
    "SecondpassError",
    "Snippet",
    "TextFeatures",
    "Timings",
    "UnsupportedModelError",
    "__version__",
    "snippet",
]


def test_the_public_names_are_these():
    assert secondpass.__all__ == PUBLIC
    assert dir(secondpass) == sorted(PUBLIC)


def test_each_name_can_be_imported_and_has_a_docstring():
    for name in set(PUBLIC) - {"__version__"}:
        assert inspect.getdoc(getattr(secondpass, name)), name


def test_the_names_for_type_checkers_are_the_names_at_run_time():
    tree = ast.parse(Path(secondpass.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    for_checkers = {alias.name for node in block.body for alias in node.names}
    assert for_checkers == set(PUBLIC) - {"__version__"} == set(secondpass._MODULES)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Nothing"):
        secondpass.Nothing  # noqa: B018


def test_the_signature_is_the_documented_one():
    signature = inspect.signature(secondpass.CrossEncoderReranker)
    assert list(signature.parameters)[:2] == ["model_name", "max_length"]
    assert signature.parameters["max_length"].default == 512
    rest = list(signature.parameters.values())[2:]
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in rest)
    assert [parameter.name for parameter in rest] == [
        "precision",
        "device",
        "threads",
        "revision",
        "local_files_only",
        "activation",
        "instruction",
        "max_batch_tokens",
        "cache_dir",
        "long_documents",
        "stride",
        "select_tokens",
        "effort",
        "cascade",
        "keep",
        "cache",
        "cache_bytes",
        "calibration",
    ]
    rerank = inspect.signature(secondpass.CrossEncoderReranker.rerank)
    assert list(rerank.parameters)[:4] == ["self", "query", "candidates", "top_k"]
    for name in ("rerank", "rank"):
        options = list(
            inspect.signature(getattr(secondpass.CrossEncoderReranker, name)).parameters.values()
        )
        assert all(option.kind is option.KEYWORD_ONLY for option in options[4:])
    assert rerank.parameters["top_k"].default == 10
