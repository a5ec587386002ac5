"""A shard's table as the bytes of a Parquet file whose pages have checksums, and back."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from secondpass.batch.place import Place
from secondpass.errors import InputError


def to_parquet(table: pa.Table) -> bytes:
    """Return a table as a Parquet file."""
    data = io.BytesIO()
    pq.write_table(table, data, compression="zstd", write_page_checksum=True)
    return data.getvalue()


def read_parquet(place: Place, name: str) -> pa.Table:
    """Read a shard's file.

    Raises:
        InputError: it is not what was written.
    """
    try:
        with place.open(name) as stream:
            return pq.read_table(stream, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"{place.url}/{name} cannot be read: {error}; remove it and run the command again, "
            "which makes it anew"
        ) from error
