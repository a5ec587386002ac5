"""The options of the server: where it listens, who may ask, and how much."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from secondpass.errors import Argument, InputError
from secondpass.options.kinds import Integer, Number, Text, Texts, YesOrNo
from secondpass.options.option import check_fields, option

# The one variable with a key; several are in a file.
KEY_VARIABLE = "SECONDPASS_API_KEY"
_MIB = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Checked options of `secondpass serve`.

    Raises:
        InputError: a value is not usable; the message names it.
    """

    host: str = option(
        "127.0.0.1",
        Text("an address or a name of this machine"),
        "The address to listen on; one that others reach needs a key, or `--no-auth`.",
        flag="--host",
    )
    port: int = option(
        8000, Integer(0, 65535), "The port to listen on; 0 takes a free one.", flag="--port"
    )
    api_key_file: str | None = option(
        None,
        Text("a file's path"),
        f"A file with one key a line; a single key may be in `{KEY_VARIABLE}`.",
        means="none",
        flag="--api-key-file",
        metavar="FILE",
        on_command=f"A file with one key a line; a single key may be in {KEY_VARIABLE}.",
    )
    no_auth: bool = option(
        False, YesOrNo(), "Listen on an address that others reach without a key.", flag="--no-auth"
    )
    allowed_hosts: tuple[str, ...] = option(
        (),
        Texts("names"),
        "A further name by which browsers may reach a server without a key.",
        means="this machine's own",
        flag="--allowed-host",
        metavar="NAME",
    )
    cors_origins: tuple[str, ...] = option(
        (),
        Texts("origins"),
        "An origin whose pages may ask the server, such as `https://example.org`.",
        means="none",
        flag="--cors-origin",
        metavar="ORIGIN",
        on_command="An origin whose pages may ask the server, such as https://example.org.",
    )
    max_documents: int = option(
        1000, Integer(), "Most documents of a request.", flag="--max-documents"
    )
    max_body_bytes: int = option(
        32 * _MIB, Integer(), "Most bytes of a request's body.", flag="--max-body-bytes"
    )
    max_characters: int = option(
        10_000_000, Integer(), "Most characters of all documents.", flag="--max-characters"
    )
    max_query_characters: int = option(
        10_000, Integer(), "Most characters of a query.", flag="--max-query-characters"
    )
    timeout_s: float = option(
        60.0, Number(above=0), "Seconds that a request may take to be scored.", flag="--timeout-s"
    )
    read_timeout_s: float = option(
        30.0,
        Number(above=0),
        "Seconds that a client may take to send its request.",
        flag="--read-timeout-s",
    )
    max_wait_ms: float = option(
        2000.0,
        Number(above=0, unit="milliseconds"),
        "How long a request may be going to wait for others; beyond it is refused at once.",
        page="guide/server-operations.md",
        flag="--max-wait-ms",
    )
    unload_after_s: float = option(
        900.0,
        Number(above=0),
        "Seconds after which a model of `--also` that nobody asks for is freed.",
        flag="--unload-after-s",
        on_command="Seconds after which a model of --also that nobody asks for is freed.",
    )
    grace_s: float = option(
        30.0,
        Number(above=0),
        "Seconds that the end waits for requests in flight.",
        flag="--grace-s",
    )
    trace: bool = option(
        False,
        YesOrNo(),
        "Send OpenTelemetry traces where the variables `OTEL_EXPORTER_OTLP_*` say.",
        flag="--trace",
        on_command="Send OpenTelemetry traces where the variables OTEL_EXPORTER_OTLP_* say.",
    )
    log_text: bool = option(
        False, YesOrNo(), "Write queries and documents into the log.", flag="--log-text"
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if self.api_key_file is not None and self.no_auth:
            raise InputError(
                Argument("no_auth"), " has no use beside ", Argument("api_key_file"),
                ": leave one of them out",
            )  # fmt: skip

    @property
    def only_this_machine(self) -> bool:
        """Tell whether the address is one that only this machine reaches."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
