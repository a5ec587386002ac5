"""Hub name to local snapshot folder, through huggingface_hub; only files that hold no code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from secondpass.checks import did_you_mean, shortened
from secondpass.errors import Argument, Either, InputError, ModelFileError, ModelNotFoundError
from secondpass.models import tokenizer_settings, transformer_settings
from secondpass.models.embedded import embedded_names
from secondpass.models.files import weight_map
from secondpass.models.modules import MODULES_FILE, module_files
from secondpass.models.tokenizer import TOKENIZER
from secondpass.models.vocabulary import FILES as VOCABULARY_FILES
from secondpass.models.vocabulary import has_vocabulary
from secondpass.settings import hub_folder

CONFIG_FILES = (
    "config.json",
    TOKENIZER,
    *tokenizer_settings.FILES,
    *transformer_settings.FILES,
    MODULES_FILE,
    "config_sentence_transformers.json",
)
WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors")
WANTED_FILES = [*CONFIG_FILES, *WEIGHT_FILES, "exits.safetensors", "directions.safetensors"]
REQUIRED_FILES = ("config.json", TOKENIZER)

Reason = str | Argument


def fetch_snapshot(
    repository: str,
    *,
    revision: str | None,
    local_files_only: bool,
    cache: Path | None = None,
    token: str | bool | None = None,
) -> Path:
    """Return the snapshot folder of a hub model; what is cached is never fetched again.

    `cache` is where hub models are kept and `token` what the hub is asked with, by default the hub
    library's own.

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
    except HFValidationError:
        raise InputError(
            Argument("model_name"),
            f" {shortened(repository)} is neither a folder that exists nor a hub name, OWNER/NAME "
            "of letters, digits, '-', '_' and '.'",
            _near(repository),
        ) from None
    cache = hub_folder() if cache is None else cache
    cached = _cached_snapshot(repository, revision, cache)
    if cached is not None and not missing_files(cached):
        return cached
    if local_files_only:
        raise _unreachable(repository, revision, cached, Argument("local_files_only", True))
    return _download(repository, revision, cached, cache, token)


def missing_files(folder: Path) -> list[str]:
    """Name what a snapshot lacks to be a loadable model."""
    missing = [name for name in REQUIRED_FILES if not (folder / name).exists()]
    if TOKENIZER in missing and has_vocabulary(folder):
        missing.remove(TOKENIZER)
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


def _download(
    repository: str,
    revision: str | None,
    cached: Path | None,
    cache: Path,
    token: str | bool | None,
) -> Path:
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
            repository,
            revision=revision,
            cache_dir=cache,
            token=token,
            allow_patterns=WANTED_FILES,
        )
        no_tokenizer = not (Path(folder) / TOKENIZER).exists()
        vocabulary = VOCABULARY_FILES if no_tokenizer else ()
        if more := [*module_files(Path(folder)), *vocabulary]:
            folder = snapshot_download(
                repository,
                revision=revision,
                cache_dir=cache,
                token=token,
                allow_patterns=[*WANTED_FILES, *more],
            )
    except RevisionNotFoundError:
        raise ModelNotFoundError(
            f"hub model {repository!r} has no revision {shortened(revision)}; leave it out for the "
            "newest"
        ) from None
    except RepositoryNotFoundError:
        raise ModelNotFoundError(
            f"{_no_folder(repository)}the hub has no model {repository!r}, or it is private and "
            "needs a token (HF_TOKEN)",
            _near(repository),
        ) from None
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        raise _unreachable(repository, revision, cached, _reason(error)) from error
    # Without a network the hub library gives what it has of a snapshot, which may be a part.
    missing = missing_files(Path(folder))
    if missing:
        why = "the hub was not reached, or has no such file (pickled weights are never read)"
        raise _unavailable(repository, revision, missing, [why])
    return Path(folder)


def _unreachable(
    repository: str, revision: str | None, cached: Path | None, reason: Reason
) -> ModelNotFoundError:
    missing = ["config.json"] if cached is None else missing_files(cached)
    why = ["the hub was not reached (", reason, ")"]
    return _unavailable(repository, revision, missing, why)


def _unavailable(
    repository: str, revision: str | None, missing: list[str], why: Sequence[Reason]
) -> ModelNotFoundError:
    at_revision = f" at revision {shortened(revision)}" if revision else ""
    return ModelNotFoundError(
        f"{_no_folder(repository)}{', '.join(missing)} of hub model {repository!r}{at_revision} "
        "is not in the cache and ",
        *why,
        "; load it once with a network, give a local folder that holds it, or use the embedded "
        "model",
        Either(": CrossEncoderReranker()", ""),
        _near(repository),
    )


def _no_folder(name: str) -> str:
    """Begin a message about a name that may well be meant as a folder's."""
    return "" if "/" in name else f"there is no folder {name!r} here, and "


def _reason(error: Exception) -> Reason:
    """Say in a few words why the hub was not reached."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    status = getattr(getattr(error, "response", None), "status_code", None)
    return "no network" if status is None else f"it answered with HTTP status {status}"


def _near(name: str) -> str:
    """Suggest the nearest name of a model that needs no download."""
    return did_you_mean(name, [*embedded_names(), *_cached_names()])


def _cached_names() -> list[str]:
    """Return the names of the models in the hub's cache, whole or not."""
    try:
        folders = list(hub_folder().glob("models--*"))
    except (InputError, OSError):  # there is no home folder, or it cannot be read
        return []
    return [folder.name.removeprefix("models--").replace("--", "/") for folder in folders]
