"""The columns of a table, and what its schema says it was made with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from secondpass.errors import Either, IndexFileError
from secondpass.retrieval.stores.contract import (
    FEATURE_TYPES,
    EmbedderIdentity,
    FeatureIdentity,
    Rows,
    StoreIdentity,
    still_kept,
)
from secondpass.retrieval.stores.features import arrow_type, to_arrow
from secondpass.retrieval.stores.lance_filters import (
    column_field,
    declared_in,
    fields_in,
    left_behind,
)

TABLE = "documents"
TABLE_FOLDER = f"{TABLE}.lance"
# Format 2 had neither digests nor sources, format 1 no token ids either.
FORMAT = 3
_METADATA_KEY = b"secondpass"


def schema_of(identity: StoreIdentity) -> Any:
    """Return the Arrow schema of a table."""
    import pyarrow as pa

    texts = [
        pa.field(name, pa.string(), nullable=False) for name in ("id", "text", "metadata", "digest")
    ]
    vectors = pa.list_(pa.float32(), identity.embedder.dimension)
    fields = [
        *texts,
        pa.field("source", pa.string()),
        pa.field("vector", vectors, nullable=False),
        *(pa.field(name, arrow_type(name)) for name in identity.features),
        *(column_field(at, *column) for at, column in enumerate(identity.columns.items())),
    ]
    return pa.schema(fields, metadata={_METADATA_KEY: json.dumps(_encoded(identity))})


def identity_in(schema: Any, folder: Path | str) -> StoreIdentity:
    """Return what a table, or some columns of one, was made for.

    Raises:
        IndexFileError: another version made it, or it does not say.
    """
    stored = json.loads((schema.metadata or {}).get(_METADATA_KEY, b"{}"))
    if stored.get("format") != FORMAT:
        raise IndexFileError(
            f"index {folder} has format {stored.get('format')}, this version reads format "
            f"{FORMAT}: make a new index in another folder with ",
            Either("Index.create", "secondpass index PATH... --into DIR"),
            " and add the documents again",
        )
    return _decoded(stored, schema, folder)


def feature_field(name: str, identity: FeatureIdentity) -> Any:
    """Return the Arrow field of a feature column that is added to a table."""
    import pyarrow as pa

    metadata = {_METADATA_KEY: json.dumps(identity._asdict())}
    return pa.field(name, arrow_type(name), metadata=metadata)


def record_batch(rows: Rows, schema: Any, location: str) -> Any:
    """Return rows as an Arrow batch of a schema, with the features that it has a use for."""
    import pyarrow as pa

    count, identity = len(rows.id), identity_in(schema, location)
    texts = ("id", "text", "metadata", "digest", "source")
    columns = {name: pa.array(getattr(rows, name), pa.string()) for name in texts}
    columns["vector"] = pa.FixedSizeListArray.from_arrays(
        pa.array(rows.vectors.ravel()), rows.vectors.shape[1]
    )
    usable = still_kept(rows.identities, identity.features)
    for name in identity.features:
        columns[name] = to_arrow(name, rows.features.get(name) if name in usable else None, count)
    for name, field in fields_in(schema).items():
        values = rows.columns.get(name, [None] * count)
        columns[field] = pa.array(values, schema.field(field).type)
    for field in left_behind(schema):
        columns[field] = pa.nulls(count, schema.field(field).type)
    return pa.record_batch([columns[name] for name in schema.names], schema=schema)


def _encoded(identity: StoreIdentity) -> dict[str, Any]:
    features = {name: feature._asdict() for name, feature in identity.features.items()}
    return {"format": FORMAT, **identity.embedder._asdict(), "features": features}


def _decoded(stored: dict[str, Any], schema: Any, folder: Path | str) -> StoreIdentity:
    """Undo `_encoded` and `feature_field`."""
    try:
        made_with = stored["features"]
        features = {
            name: FeatureIdentity(**(_added(schema.field(name)) or made_with[name]))
            for name in schema.names
            if name in FEATURE_TYPES
        }
        embedder = EmbedderIdentity(stored["name"], stored["digest"], stored["dimension"])
        return StoreIdentity(embedder, features, declared_in(schema))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise IndexFileError(
            f"index {folder} does not say what it was made with ({error!r}): make a new one"
        ) from error


def _added(field: Any) -> dict[str, Any] | None:
    """Return what a column says that was added to the table, None for one it was made with."""
    encoded = (field.metadata or {}).get(_METADATA_KEY)
    return None if encoded is None else json.loads(encoded)
