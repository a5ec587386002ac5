"""A model's name to the folder that holds it: embedded, local or from the hub."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from secondpass.checks import did_you_mean, shortened
from secondpass.errors import Argument, InputError, ModelNotFoundError
from secondpass.models.embedded import embedded_folder, embedded_names
from secondpass.models.hub import fetch_snapshot
from secondpass.options.model import ModelOptions, RerankerOptions
from secondpass.settings import absolute, expand_user

Options = TypeVar("Options", bound=ModelOptions)

# Names that begin with this folder are never asked of the hub.
_EMBEDDED = "embedded"

Origin = Literal["embedded", "local", "hub"]


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """Where a model lies. `revision` is the commit for a hub model, else None."""

    name: str
    path: Path
    origin: Origin
    revision: str | None = None


def find_folder(
    model_name: str | os.PathLike[str],
    *,
    revision: str | None = None,
    local_files_only: bool = False,
    cache: Path | None = None,
    token: str | bool | None = None,
) -> ModelFolder:
    """Find a model by embedded name, local folder or hub name, in this order.

    `cache` and `token` are those of `fetch_snapshot`.

    Raises:
        InputError: the name is empty or not valid, or a revision is given for a folder.
        ModelNotFoundError: there is no such folder or hub model.
    """
    if not isinstance(model_name, str | os.PathLike):
        raise InputError(
            Argument("model_name"),
            f" is {shortened(model_name)}, expected a hub name or a folder",
        )
    if not isinstance(revision, str | None):
        raise InputError(f"revision is {revision!r}, expected a branch, tag or commit")
    if not isinstance(local_files_only, bool):
        raise InputError(f"local_files_only is {local_files_only!r}, expected True or False")
    name = os.fspath(model_name)
    if not name.strip():
        raise InputError(
            Argument("model_name"), " is empty: give a hub name, a local folder, or leave it out"
        )
    found = _find_on_disk(name)
    if found is None:
        snapshot = fetch_snapshot(
            name, revision=revision, local_files_only=local_files_only, cache=cache, token=token
        )
        return ModelFolder(name, snapshot, "hub", snapshot.name)
    if revision is not None:
        kind = "embedded" if found.origin == "embedded" else "a folder"
        raise InputError(
            Argument("revision"),
            f" {shortened(revision)} only applies to hub models, {shortened(name)} is {kind}",
        )
    return found


def located(options: Options, folders: Iterable[ModelFolder]) -> Options:
    """Return the options with whole paths, which name the same in any current folder."""
    whole = {
        folder.name: str(absolute(folder.path)) for folder in folders if folder.origin == "local"
    }
    changed: dict[str, Any] = {"model_name": whole.get(options.model_name, options.model_name)}
    if options.cache_dir is not None:
        changed["cache_dir"] = str(absolute(expand_user(options.cache_dir, "cache_dir")))
    if isinstance(options, RerankerOptions):
        if options.cascade is not None:
            changed["cascade"] = tuple(whole.get(name, name) for name in options.cascade)
        place = options.cache_place()
        if isinstance(place, Path):
            changed["cache"] = str(absolute(place))
        calibration = options.calibration_place()
        if calibration is not None:
            changed["calibration"] = str(absolute(calibration))
    return replace(options, **changed)


def _is_no_hub_name(name: str) -> bool:
    """Tell whether a name can only be a folder's, of this system or with Windows' separators."""
    return name.startswith((".", "~")) or name.count("/") > 1 or "\\" in name or name[1:2] == ":"


def _find_on_disk(name: str) -> ModelFolder | None:
    if name in embedded_names():
        return ModelFolder(name, embedded_folder(name), "embedded")
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            return ModelFolder(name, path, "local")
    except (OSError, RuntimeError) as error:  # too long for a path, or an unknown ~user
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            Argument("model_name"), f" {name[:80]!r} is not a valid folder: {reason}"
        ) from None
    if path.exists():
        raise ModelNotFoundError(
            Argument("model_name"), f" {shortened(name)} is a file; give the folder that holds it"
        )
    if name.partition("/")[0].casefold() == _EMBEDDED:
        names = embedded_names()
        raise ModelNotFoundError(
            f"there is no embedded model {shortened(name)}, there are {', '.join(names)}",
            did_you_mean(name, names),
        )
    if path.is_absolute() or _is_no_hub_name(name):
        beside = [entry.name for entry in path.parent.glob("*/")] if path.parent.is_dir() else []
        raise ModelNotFoundError(
            f"there is no model folder {shortened(name)}", did_you_mean(path.name, beside)
        )
    return None
