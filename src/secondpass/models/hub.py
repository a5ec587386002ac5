"""Hub name to local snapshot folder, through huggingface_hub; only files that hold no code."""

from __future__ import annotations

from pathlib import Path

from secondpass.errors import InputError, ModelFileError, ModelNotFoundError
from secondpass.models import tokenizer_settings, transformer_settings
from secondpass.models.files import weight_map
from secondpass.models.modules import MODULES_FILE, module_files
from secondpass.settings import hub_folder

CONFIG_FILES = (
    "config.json",
    "tokenizer.json",
    *tokenizer_settings.FILES,
    *transformer_settings.FILES,
    MODULES_FILE,
    "config_sentence_transformers.json",
)
WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors")
WANTED_FILES = [*CONFIG_FILES, *WEIGHT_FILES, "exits.safetensors"]
REQUIRED_FILES = ("config.json", "tokenizer.json")


def fetch_snapshot(repository: str, *, revision: str | None, local_files_only: bool) -> Path:
    """Return the snapshot folder of a hub model; what is cached is never fetched again.

    Raises:
        InputError: `repository` is not a valid hub name, or there is no folder for hub models.
        ModelNotFoundError: the hub has no such model, or it is not cached and cannot be fetched.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise InputError(
            f"model_name {repository!r} is neither a folder that exists nor a hub name: {error}"
        ) from None
    cache = hub_folder()
    cached = _cached_snapshot(repository, revision, cache)
    if cached is not None and not missing_files(cached):
        return cached
    if local_files_only:
        raise _unreachable(repository, revision, cached, "local_files_only is set")
    return _download(repository, revision, cached, cache)


def missing_files(folder: Path) -> list[str]:
    """Name what a snapshot lacks to be a loadable model."""
    missing = [name for name in REQUIRED_FILES if not (folder / name).exists()]
    if not (folder / "model.safetensors").exists() and not _shards_complete(folder):
        missing.append("model.safetensors")
    return missing + [name for name in module_files(folder) if not (folder / name).exists()]


def _shards_complete(folder: Path) -> bool:
    """Tell whether every file that the shard index names is here."""
    try:
        shards = weight_map(folder / "model.safetensors.index.json").values()
    except ModelFileError:  # not there, or not whole
        return False
    return all((folder / name).exists() for name in shards)


def _cached_snapshot(repository: str, revision: str | None, cache: Path) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        # The same patterns as for the download: files that were never wanted are not missing.
        found = snapshot_download(
            repository,
            revision=revision,
            cache_dir=cache,
            local_files_only=True,
            allow_patterns=WANTED_FILES,
        )
        return Path(found)
    except LocalEntryNotFoundError as error:
        # Newer hub libraries say where a snapshot lies of which something is missing.
        partial = getattr(error, "snapshot_path", None)
        return Path(partial) if partial else None


def _download(repository: str, revision: str | None, cached: Path | None, cache: Path) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        folder = snapshot_download(
            repository, revision=revision, cache_dir=cache, allow_patterns=WANTED_FILES
        )
        if of_modules := module_files(Path(folder)):
            folder = snapshot_download(
                repository,
                revision=revision,
                cache_dir=cache,
                allow_patterns=[*WANTED_FILES, *of_modules],
            )
    except RevisionNotFoundError:
        raise ModelNotFoundError(
            f"hub model {repository!r} has no revision {revision!r}; leave it out for the newest"
        ) from None
    except RepositoryNotFoundError:
        raise ModelNotFoundError(
            f"the hub has no model {repository!r}, or it is private and needs a token (HF_TOKEN)"
        ) from None
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _unreachable(repository, revision, cached, reason) from error
    # Without a network the hub library gives what it has of a snapshot, which may be a part.
    missing = missing_files(Path(folder))
    if missing:
        why = "the hub was not reached, or has no such file (pickled weights are never read)"
        raise _unavailable(repository, revision, missing, why)
    return Path(folder)


def _unreachable(
    repository: str, revision: str | None, cached: Path | None, reason: str
) -> ModelNotFoundError:
    missing = ["config.json"] if cached is None else missing_files(cached)
    return _unavailable(repository, revision, missing, f"the hub was not reached ({reason})")


def _unavailable(
    repository: str, revision: str | None, missing: list[str], why: str
) -> ModelNotFoundError:
    at_revision = f" at revision {revision!r}" if revision else ""
    return ModelNotFoundError(
        f"{', '.join(missing)} of hub model {repository!r}{at_revision} is not in the cache and "
        f"{why}; pass a local folder that holds the model, or use the embedded model: "
        "CrossEncoderReranker()"
    )
