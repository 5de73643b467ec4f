"""What the tests of accounts share: a way to servers on loopback, and accounts with a secret in a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scanner.accounts.check import Checker
from scanner.accounts.round_trip_check import check_round_trip
from scanner.accounts.tag import Tagger
from scanner.accounts.way import Way, make_contexts
from scanner.config.account_settings import Account
from scanner.discovery import Catalogue
from scanner.discovery.found import Found
from scanner.discovery.mx import MxFound
from scanner.discovery.offer import Offer
from scanner.model import Reason
from scanner.model.account import AccountCheck
from scanner.model.published import Source
from scanner.network import ResolveFailure

SECRET = 'correct;horse "battery\\staple'


def make_checker(
    ca_file: Path | None,
    names: Mapping[str, str],
    found: Mapping[str, Found] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    allow_private: bool = True,
) -> Checker:
    """Make a checker that knows the addresses of some names, and what is published for some domains."""

    async def resolve(host: str) -> tuple[str, ...]:
        if host not in names:
            raise ResolveFailure(Reason.NAME_NOT_FOUND, f"{host} does not exist")
        return (names[host],)

    async def find(domain: str) -> Found:
        return (found or {}).get(domain) or Found(domain, MxFound(Offer(Source.MX)))

    way = Way(
        resolve=resolve,
        tls=make_contexts(ca_file),
        ehlo_name="monitor.example.org",
        allow_private=allow_private,
        connect_timeout=30.0,
    )
    return Checker(way, find, Catalogue(), environ or {})


def make_account(folder: Path, secret: str = SECRET, **keys: object) -> Account:
    """Make an account whose password stands in a file, unless it has another source of it."""
    values: dict[str, object] = {"name": "probe", "username": "probe@mail.test", "timeout": 60, **keys}
    if "token_command" not in keys and "password_env" not in keys:
        path = folder / "secret"
        path.touch(mode=0o600)
        path.write_text(secret)
        values["password_file"] = str(path)
    return Account.model_validate(values)


async def check_trip(folder: Path, ca_file: Path, name: str, **keys: Any) -> AccountCheck:
    """Make a round trip of an account whose servers are all at one name, on loopback."""
    checker = make_checker(ca_file, {name: "127.0.0.1"})
    return await check_round_trip(checker, make_account(folder, **keys), Tagger(b"k" * 32))
