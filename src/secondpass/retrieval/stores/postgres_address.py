"""Where an index in PostgreSQL is: a server, a database, and a name in it.

The address is taken apart here and given to libpq keyword by keyword. So no part of a password,
written without its percent signs, ends up as a host or a database, which errors quote.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from secondpass.checks import shortened
from secondpass.errors import InputError

DEFAULT_INDEX = "secondpass"

# Blanks before it, such as a variable has that was copied with one, do not make it a folder.
_SCHEME = re.compile(r"\s*postgres(?:ql)?://", re.IGNORECASE)
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}", re.ASCII)
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(?::(?P<port>\d+))?", re.ASCII)
# What of the options of an address is shown: where it leads, and nothing else.
_SHOWN = ("host", "port", "dbname", "user", "service")
_EXPECTED = (
    "expected postgresql://USER@HOST:PORT/DATABASE?index=NAME, with percent signs within a "
    "password for @, /, ?, #, [, ], :, % and what is not ASCII"
)


@dataclass(frozen=True, slots=True)
class Address:
    """An index in a database.

    `index` is the schema that holds it; `options` are libpq's keywords, the password among them.
    """

    index: str
    options: dict[str, str] = field(repr=False)

    @classmethod
    def parse(cls, given: str) -> Self:
        """Return the address of a URL.

        Raises:
            InputError: it is not one; no message quotes what may be of a password.
        """
        try:
            given.encode()
            parts = urlsplit(given.strip())
        except ValueError:
            # Its message may quote the password.
            raise InputError(f"the address of the database is not valid: {_EXPECTED}") from None
        if "@" in parts.path + parts.query + parts.fragment or parts.fragment:
            raise InputError(f"the address of the database is not valid: {_EXPECTED}")
        user, _, hosts = parts.netloc.rpartition("@")
        options = {**_user(user), **_hosts(hosts)}
        if database := unquote(parts.path.removeprefix("/")):
            options["dbname"] = database
        options |= parse_qsl(parts.query, keep_blank_values=True)
        index = options.pop("index", DEFAULT_INDEX)
        if not _NAME.fullmatch(index) or index.startswith("pg_"):
            raise InputError(
                f"index={shortened(index)} in the address of the database is not a name of an "
                "index: expected up to 40 of a-z, 0-9 and _, beginning with a letter or _, and not "
                "with pg_"
            )
        return cls(index, options)

    def __str__(self) -> str:
        """Return the address without its password and its other options."""
        known = self.options
        hosts, ports = (known.get(name, "").split(",") for name in ("host", "port"))
        pairs = zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=False)
        in_query = any(host.startswith("/") for host in hosts)
        place = "" if in_query else ",".join(_place(*pair) for pair in pairs)
        user = f"{quote(known['user'], safe='')}@" if "user" in known else ""
        query = [f"host={known['host']}"] if in_query else []
        query += [f"port={known['port']}"] if in_query and "port" in known else []
        query += [f"service={known['service']}"] if "service" in known else []
        query += [f"index={self.index}"] if self.index != DEFAULT_INDEX else []
        database = quote(known.get("dbname", ""), safe="")
        return f"postgresql://{user}{place}/{database}" + ("?" if query else "") + "&".join(query)

    @property
    def schema(self) -> str:
        """The schema as SQL names it: nothing in a name of an index needs more than quotes."""
        return f'"{self.index}"'

    def without_secrets(self, text: str) -> str:
        """Return a message of the server or of libpq without the password."""
        for name in ("password", "sslpassword"):
            if secret := self.options.get(name):
                text = text.replace(secret, "***")
        return text

    def conninfo(self) -> str:
        """Return what libpq connects with.

        Raises:
            InputError: an option of the address is not one of libpq's.
        """
        from psycopg import ProgrammingError
        from psycopg.conninfo import make_conninfo

        options: dict[str, Any] = {"connect_timeout": "10", "application_name": "secondpass"}
        try:
            return str(make_conninfo("", **(options | self.options)))
        except ProgrammingError:
            unknown = [name for name in self.options if not _is_option(name)]
            raise InputError(
                f"the address {self} has an option that PostgreSQL does not know"
                + (f": {shortened(unknown[0])}" if unknown else f"; {_EXPECTED}")
            ) from None


def is_address(place: str | os.PathLike[str]) -> bool:
    """Tell whether a place is an address of a database, and not a folder."""
    return isinstance(place, str) and _SCHEME.match(place) is not None


def without_password(argument: str) -> str:
    """Return an argument of the command as it may be kept: an address without its password."""
    option, equals, value = argument.partition("=")
    if option.startswith("--") and is_address(value):
        return f"{option}{equals}{without_password(value)}"
    if not is_address(argument):
        return argument
    try:
        return str(Address.parse(argument))
    except InputError:
        return "postgresql://..."


def _is_option(name: str) -> bool:
    from psycopg import pq

    return name.encode() in {option.keyword for option in pq.Conninfo.get_defaults()}


def _user(given: str) -> dict[str, str]:
    user, colon, password = given.partition(":")
    return ({"user": unquote(user)} if user else {}) | (
        {"password": unquote(password)} if colon else {}
    )


def _hosts(given: str) -> dict[str, str]:
    found = [_HOST.fullmatch(one) for one in given.split(",")]
    if None in found:
        raise InputError(f"the address of the database has no valid host and port: {_EXPECTED}")
    hosts = [unquote(match["host"].strip("[]")) for match in found if match]
    ports = [match["port"] or "" for match in found if match]
    return ({"host": ",".join(hosts)} if any(hosts) else {}) | (
        {"port": ",".join(ports)} if any(ports) else {}
    )


def _place(host: str, port: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown
