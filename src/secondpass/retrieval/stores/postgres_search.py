"""Searches of an index in PostgreSQL.

The server finds which rows are nearly the best, and their exact scores are computed here by what
computes them for every store. So all stores give equal answers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondpass.retrieval.stores.bm25 import Found, best, lacking, scores_of_some
from secondpass.retrieval.stores.contract import FoundRow, Terms, Vectors
from secondpass.retrieval.stores.exact import cosines
from secondpass.retrieval.stores.features import from_bytes
from secondpass.retrieval.stores.filters import Filter
from secondpass.retrieval.stores.postgres_approximate import MOST_CANDIDATES, most_found
from secondpass.retrieval.stores.postgres_filters import to_sql
from secondpass.retrieval.stores.postgres_schema import Meta, Tables
from secondpass.retrieval.stores.postgres_text import from_server, to_server
from secondpass.retrieval.stores.ties import ties_by_id

Numbers = NDArray[np.int64]

# The server's distances are float32 sums: those of less than this apart may be in either order.
_SUM_ERROR = 2e-5
# Rows asked for beyond the limit: mostly they show that no other row is as near as the last wanted.
_MORE = 16


class _Postings(NamedTuple):
    """The rows that have a term: their places, how many terms each has, and how often this one."""

    term: int
    places: Numbers
    lengths: Numbers
    counts: Numbers


def nearest(
    cursor: Any,
    tables: Tables,
    vector: Vectors,
    limit: int,
    among: Collection[str] | None,
    where: Filter | None,
) -> list[FoundRow]:
    """Return the `limit` rows nearest to a vector, ties by id."""
    meta = tables.read_meta(cursor)
    chosen = meta.approximation
    every = among is None and where is None
    found = None
    if chosen is not None and every and limit <= most_found(chosen):
        near = _along_graph(cursor, tables, vector, limit, chosen.candidates / chosen.depth)
        if len(near[0]) >= min(limit, meta.statistics.texts):
            found = near
    places, vectors = found or _compared(cursor, tables, meta, vector, limit, among, where)
    scores = cosines(vectors, vector)
    return _read(cursor, tables, meta, places, scores, limit, by_terms=False)


class TermScores:
    """The scores of the rows with terms of the last query: a hybrid search asks for them twice."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._last: tuple[Any, Numbers, NDArray[np.float64]] | None = None

    def at(self, cursor: Any, meta: Meta, terms: Terms) -> tuple[Numbers, NDArray[np.float64]]:
        """Return places and scores, of the commit that a transaction sees."""
        asked = meta.version, terms.tobytes()
        last = self._last
        if last is None or last[0] != asked:
            places, lengths, found = _having(cursor, self._tables, terms)
            scores = scores_of_some(terms, found, lengths, meta.statistics)
            self._last = last = asked, places, scores
        return last[1:]


def matching(
    cursor: Any,
    tables: Tables,
    term_scores: TermScores,
    terms: Terms,
    limit: int,
    among: Collection[str] | None,
    where: Filter | None,
) -> list[FoundRow]:
    """Return the `limit` rows of the highest BM25, ties by id."""
    meta = tables.read_meta(cursor)
    if meta.lacking:
        raise lacking(str(tables.address), meta.lacking)
    places, scores = term_scores.at(cursor, meta, terms)
    allowed = None
    if among is not None or where is not None:
        condition, values = _condition(meta, among, where)
        cursor.execute(
            f"SELECT c.place FROM {_joined(tables, 'columns', among, where)}"
            f" WHERE {condition} AND c.place = ANY(%s)",
            [*values, places.tolist()],
        )
        may = np.array([place for (place,) in cursor], np.int64)
        allowed = np.flatnonzero(np.isin(places, may))
    kept = best(scores, limit, allowed)
    return _read(
        cursor, tables, meta, places[kept].tolist(), scores[kept].tolist(), limit, by_terms=True
    )


def _along_graph(
    cursor: Any, tables: Tables, vector: Vectors, limit: int, widening: float
) -> tuple[list[int], Vectors]:
    """Return rows near a vector, the wanted ones and some more, by the graph."""
    asked = limit + _MORE
    candidates = min(MOST_CANDIDATES, max(asked, round(asked * widening)))
    cursor.execute("SELECT set_config('hnsw.ef_search', %s, true)", [str(candidates)])
    cursor.execute(
        f"SELECT place, vector FROM {tables.vectors} ORDER BY vector <=> %b LIMIT %s",
        [vector, asked],
    )
    return _rows(cursor.fetchall())


def _compared(
    cursor: Any,
    tables: Tables,
    meta: Meta,
    vector: Vectors,
    limit: int,
    among: Collection[str] | None,
    where: Filter | None,
) -> tuple[list[int], Vectors]:
    """Return the rows that may be among the nearest; every row that is allowed is compared."""
    condition, values = _condition(meta, among, where)
    asked = limit + _MORE
    while True:
        # The graph does not serve an ORDER BY of a sum, so every vector is compared.
        cursor.execute(
            "SELECT v.place, v.vector, (v.vector <=> %b) + 0::float8 AS distance"
            f" FROM {_joined(tables, 'vectors', among, where)} WHERE {condition}"
            " ORDER BY distance LIMIT %s",
            [vector, *values, asked],
        )
        rows = cursor.fetchall()
        if len(rows) < asked or rows[-1][2] > rows[limit - 1][2] + _SUM_ERROR:
            return _rows(rows)
        asked *= 4


def _rows(rows: Sequence[Any]) -> tuple[list[int], Vectors]:
    if not rows:
        return [], np.empty((0, 1), np.float32)
    return [row[0] for row in rows], np.stack([_numbers(row[1]) for row in rows])


def _numbers(vector: Any) -> Vectors:
    return vector if isinstance(vector, np.ndarray) else np.asarray(vector.to_numpy())


def _having(
    cursor: Any, tables: Tables, terms: Terms
) -> tuple[Numbers, Numbers, Mapping[int, Found]]:
    """Return the places and lengths of the rows with one of the terms, and which have each."""
    asked = np.array(sorted(set(terms.tolist())), np.uint32).view(np.int32).tolist()
    cursor.execute(
        "SELECT q.term, array_agg(t.place), array_agg(cardinality(t.terms)),"
        " array_agg(cardinality(array_positions(t.terms, q.term)))"
        " FROM unnest(%s::int4[]) AS q(term) CROSS JOIN LATERAL (SELECT place, terms FROM"
        f" {tables.terms} WHERE terms @> ARRAY[q.term]) AS t GROUP BY q.term",
        [asked],
    )
    rows = [
        _Postings(row[0] & 0xFFFFFFFF, *(np.array(one, np.int64) for one in row[1:]))
        for row in cursor
    ]
    nothing = np.empty(0, np.int64)
    every = np.concatenate([nothing, *(row.places for row in rows)])
    order = np.argsort(every, kind="stable")
    first = order[np.diff(every[order], prepend=-1) > 0]
    places = every[first]
    lengths = np.concatenate([nothing, *(row.lengths for row in rows)])[first]
    found = {
        row.term: Found(np.searchsorted(places, row.places), row.counts.astype(np.float64))
        for row in rows
    }
    return places, lengths, found


def _joined(tables: Tables, first: str, among: Collection[str] | None, where: Filter | None) -> str:
    """Return the tables of a search: the first, and what says which rows it may find."""
    joined = f"{tables.schema}.{first} {first[0]}"
    if where is not None and first != "columns":
        joined += f" JOIN {tables.columns} c USING (place)"
    if among is not None:
        joined += f" JOIN {tables.documents} d USING (place)"
    return joined


def _condition(
    meta: Meta, among: Collection[str] | None, where: Filter | None
) -> tuple[str, list[Any]]:
    """Return SQL that is true of the rows that may be found, and its values."""
    parts, values = ["true"], list[Any]()
    if among is not None:
        parts.append("d.id = ANY(%s::text[])")
        values.append(sorted(map(to_server, among)))
    if where is not None:
        text, given = to_sql(where, meta.fields, meta.columns)
        parts.append(f"({text})")
        values += given
    return " AND ".join(parts), values


def _read(
    cursor: Any,
    tables: Tables,
    meta: Meta,
    places: Sequence[int],
    scores: Sequence[float],
    limit: int,
    *,
    by_terms: bool,
) -> list[FoundRow]:
    """Return the best of the rows at these places."""
    score_of = dict(zip(places, scores, strict=True))
    if len(score_of) > limit:
        # Of equals, which may be many, the ids alone say which are found.
        cursor.execute(
            f"SELECT place, id FROM {tables.documents} WHERE place = ANY(%s)", [list(score_of)]
        )
        ids = {place: from_server(id_) for place, id_ in cursor}
        order = sorted(ids, key=lambda place: (-score_of[place], ids[place]))
        score_of = {place: score_of[place] for place in order[:limit]}
    kept = meta.kept
    selected = ", ".join(["place", "id", "text", "metadata", *kept])
    cursor.execute(
        f"SELECT {selected} FROM {tables.documents} WHERE place = ANY(%s)", [list(score_of)]
    )
    identities = {name: meta.features[name] for name in kept}
    found = []
    for place, id_, text, metadata, *features in cursor:
        score = score_of[place]
        values = {
            name: None if value is None else from_bytes(name, value)
            for name, value in zip(kept, features, strict=True)
        }
        found.append(
            FoundRow(
                from_server(id_),
                from_server(text),
                from_server(metadata),
                None if by_terms else score,
                values,
                identities,
                score if by_terms else None,
            )
        )
    return ties_by_id(found, limit)
