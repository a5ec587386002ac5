"""Where an index may be: a folder, or an address of a database; and the store that is there."""

from __future__ import annotations

import os
from pathlib import Path

from secondpass.atomic import WRITING
from secondpass.checks import path
from secondpass.errors import Either, IndexFileError, InputError
from secondpass.retrieval.stores.contract import StoreIdentity, VectorStore
from secondpass.retrieval.stores.lance import OWN_FILES, LanceStore, is_index
from secondpass.retrieval.stores.postgres import PgVectorStore
from secondpass.retrieval.stores.postgres_address import Address, is_address
from secondpass.settings import absolute

Place = Path | Address


def place_of(given: str | os.PathLike[str] | Address) -> Place:
    """Return the place that a user names: the address of a URL, else an absolute path.

    Raises:
        InputError: no path, or a URL that is not the address of an index.
    """
    if isinstance(given, Address):
        return given
    named = path("folder", given, "a folder or the address of a database")
    return Address.parse(named) if is_address(named) else absolute(named)


def is_there(place: Place) -> bool:
    """Tell whether an index is there.

    Raises:
        IndexFileError: the server cannot be reached.
    """
    return PgVectorStore(place).exists() if isinstance(place, Address) else is_index(place)


def check_there(given: str | os.PathLike[str] | Address) -> None:
    """Check that an index is there, without a model.

    Raises:
        IndexFileError: none is, or the server cannot be reached.
    """
    place = place_of(given)
    if isinstance(place, Address):
        PgVectorStore.open(place)
    else:
        found_folder(place)


def found_folder(folder: Path) -> Path:
    """Return the folder of an index that is there.

    Raises:
        IndexFileError: no index is there.
    """
    if not is_index(folder):
        raise IndexFileError(
            f"there is no index in {folder}; make one with ",
            Either("Index.create", "secondpass index PATH... --into DIR"),
        )
    return folder


def open_store(given: str | os.PathLike[str] | Address) -> VectorStore:
    """Open the store of an index that is there.

    Raises:
        IndexFileError: no index is there, or it cannot be read.
        MissingExtraError: what reads it is not installed.
    """
    place = place_of(given)
    if isinstance(place, Address):
        return PgVectorStore.open(place)
    return LanceStore.open(found_folder(place))


def create_store(place: Place, identity: StoreIdentity) -> VectorStore:
    """Make an empty store where none is.

    Raises:
        InputError: something else is there.
        IndexFileError: it cannot be made there.
        MissingExtraError: what makes it is not installed.
    """
    if isinstance(place, Address):
        return PgVectorStore.create(place, identity)
    check_vacant(place)
    return LanceStore.create(place, identity)


def check_vacant(folder: Path) -> None:
    """Check that an index can be made in a folder.

    Raises:
        InputError: the folder holds something else, or is a file.
    """
    if folder.is_dir() and not all(_is_own(entry.name) for entry in folder.iterdir()):
        raise InputError(f"folder {folder} holds something else; name a new or an empty one")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, expected a folder")


def _is_own(name: str) -> bool:
    return name in OWN_FILES or name.startswith(WRITING)
