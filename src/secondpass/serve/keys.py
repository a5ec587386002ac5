"""The keys that may ask the server: from a file or the environment, compared in constant time."""

from __future__ import annotations

import hmac
import os
from hashlib import sha256
from pathlib import Path

from secondpass.errors import InputError
from secondpass.options.serve import KEY_VARIABLE, ServeOptions
from secondpass.serve.problems import Refused


class Keys:
    """The hashes of the keys; a server without keys lets everybody ask."""

    def __init__(self, keys: list[str]) -> None:
        self._hashes = [_hashed(key.encode()) for key in keys]

    @classmethod
    def read(cls, options: ServeOptions) -> Keys:
        """Read the keys of the file, else of the environment.

        Raises:
            InputError: the file cannot be read or has no key, or others reach the address and
                there is no key.
        """
        variable = os.environ.get(KEY_VARIABLE, "").strip()
        keys = [variable] if variable else []
        if options.api_key_file is not None:
            keys = _lines(options.api_key_file)
        if not keys and not options.no_auth and not options.only_this_machine:
            raise InputError(
                f"others can reach {options.host!r} and there is no key: put one into a file and "
                f"pass --api-key-file, or into {KEY_VARIABLE}; or pass --no-auth"
            )
        return cls(keys)

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def __repr__(self) -> str:
        return f"Keys({len(self._hashes)})"

    def check(self, authorization: bytes | None) -> None:
        """Return if a header has one of the keys, or there is none to have.

        Raises:
            Refused: it has not.
        """
        if not self._hashes:
            return
        scheme, _, key = (authorization or b"").strip().partition(b" ")
        if scheme.lower() != b"bearer" or not key.strip():
            raise Refused("no key", "no key was given: send the header Authorization: Bearer KEY")
        given = _hashed(key.strip())
        # All are compared, so that the time does not tell which.
        equal = [hmac.compare_digest(given, known) for known in self._hashes]
        if True not in equal:
            raise Refused("wrong key", "the key is not one of this server's")


def _lines(file: str) -> list[str]:
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise InputError(f"the key file {file[:80]!r} cannot be read: {reason}") from None
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not keys:
        raise InputError(f"the key file {file[:80]!r} has no key: write one a line")
    return keys


def _hashed(key: bytes) -> bytes:
    return sha256(key).digest()
