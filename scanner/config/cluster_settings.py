"""The settings of a cluster: the broker through which a scheduler and its workers speak."""

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, model_validator

from scanner.config import values
from scanner.config.catalogue_values import LIST_OR_NOTHING
from scanner.config.problem import describe_value
from scanner.config.section import Section
from scanner.config.store_url import read_password_file
from scanner.config.vantage_settings import VantageSettings, check_names

_BROKER = re.compile(
    r"rediss?://(?:(?P<user>[^\s:@/?#]*)(?::(?P<password>[^\s@/?#]*))?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:@/?#\[\]]+)(?::(?P<port>[0-9]{1,5}))?(?:/(?P<number>[0-9]{1,4}))?"
)
_QUEUE = re.compile(r"[A-Za-z0-9._-]{1,60}")
_USER_INFO = re.compile(r"://.*@")


def read_broker(value: object) -> str | None:
    """Read the URL of a broker. No error shows a password."""
    if value is None:
        return None
    match = _BROKER.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 1 <= int(match["port"] or 6379) <= 65535:
        shown = _USER_INFO.sub("://***@", value) if isinstance(value, str) else value
        raise ValueError(
            'must be "redis://HOST:PORT/NUMBER", or rediss:// for TLS, with USER:PASSWORD@ before the host '
            f"where it wants them; it is a Redis 7 or Valkey (got {describe_value(shown)})"
        )
    return match[0]


def read_queue(value: object) -> str:
    """Read the word that the names of our keys begin with."""
    if not isinstance(value, str) or _QUEUE.fullmatch(value) is None:
        raise ValueError(
            f"must be letters, digits, dots and dashes, 60 at most (got {describe_value(value)})"
        )
    return value


class ClusterSettings(Section):
    """How probes are shared among workers; without a broker this process makes all of them."""

    broker: Annotated[str | None, BeforeValidator(read_broker)] = None
    """The URL of a Redis or Valkey; None = no cluster."""
    password_file: Annotated[Path | None, BeforeValidator(read_password_file)] = None
    """The broker's password; read at the start."""
    ca_file: Annotated[Path, BeforeValidator(values.read_ca_file)] | None = None
    """PEM certificates that the broker's has to lead to, with rediss://; None = the system's."""
    queue: Annotated[str, BeforeValidator(read_queue)] = "mailport"
    """What the names of our keys begin with, where several watches share a broker."""
    lease: Annotated[float, BeforeValidator(values.duration(at_least=2.0))] = 75.0
    """How long a worker may take for a batch, before it goes to another one: the same for all."""
    takeover: Annotated[float, BeforeValidator(values.duration(at_least=2.0))] = 10.0
    """After how long without a sign of life another scheduler takes over, where PostgreSQL is the store."""
    vantages: Annotated[tuple[VantageSettings, ...], LIST_OR_NOTHING, AfterValidator(check_names)] = ()
    """Places that are looked from beside the main one."""

    @model_validator(mode="after")
    def _check_password(self) -> Self:
        match = _BROKER.fullmatch(self.broker or "")
        if self.password_file is not None and (match is None or match["password"] is not None):
            raise ValueError("password_file goes with a broker whose URL has no password; keep one of them")
        if self.ca_file is not None and not (self.broker or "").startswith("rediss:"):
            raise ValueError("ca_file is for TLS; write the broker's URL with rediss://")
        if self.vantages and self.broker is None:
            raise ValueError("vantages have workers, and these need a broker; set one, or remove vantages")
        return self
