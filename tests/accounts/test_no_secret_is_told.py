"""Everything that has to do with accounts, at its most talkative; and nothing that is left has a password."""

import base64
import json
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.accounts.account_world import SECRET
from tests.accounts.scripted import Wire, run_scripted
from tests.accounts.secret_search import (
    files_below,
    forms_of,
    rows_of_postgresql,
    rows_of_sqlite,
    search,
)
from tests.cli.command import Outcome, run
from tests.servers.certificates import Authority, Leaf
from tests.servers.mailbox import Mailbox
from tests.servers.postgres import Postgres
from tests.servers.process import wait_until
from tests.service.serving import Service, serving, write_config

SECONDS = 90.0
TOKEN = "ya29.A0ARrdaM-k9+/_x.Kq" + "7aZ" * 20
ENVIRONS = "of the environment/ß+%20"
MUMBLED = "two lines & <a secret>"
LOUD = """\
import logging
original = logging.basicConfig
logging.basicConfig = lambda **keys: original(**{**keys, "level": logging.DEBUG})
logging.getLogger("asyncio").addFilter(lambda record: not str(record.msg).startswith("Executing"))
"""
"""Python reads it at its start: libraries tell all that they have to say, but for how slow the machine is."""
PAGES = (
    "/",
    "/accounts",
    "/metrics",
    "/config",
    "/docs",
    "/openapi.json",
    "/api/v1/accounts",
    "/api/v1/accounts/echo-smtp",
    "/api/v1/accounts/none",
    "/api/v1/events",
    "/api/v1/endpoints",
    "/api/v1/domains",
    "/api/v1/incidents",
    "/-/ready",
    "/nowhere",
)


@dataclass(frozen=True, slots=True)
class Echoes:
    """Ports of servers that repeat whatever secret they are told."""

    smtp: int
    imap: int
    pop3: int


def repeat(secret: str) -> str:
    """Write a secret as servers might."""
    code = base64.b64encode(secret.encode()).decode()
    forms = (
        secret,
        secret.upper(),
        quote(secret, safe=""),
        quote(secret, safe="").upper(),
        code,
        quote(code),
    )
    return " | ".join(forms)


def secret_of(line: str) -> str:
    """Return what stands in the base64 of PLAIN or XOAUTH2."""
    text = base64.b64decode(line.rpartition(" ")[2]).decode()
    return text.rpartition("Bearer ")[2].strip("\1") if "\1" in text else text.rpartition("\0")[2]


def echo_smtp(wire: Wire) -> None:
    wire.say("220 echo.test ESMTP\r\n")
    while line := wire.hear():
        if line.startswith("EHLO"):
            wire.say("250-echo.test\r\n250 AUTH PLAIN XOAUTH2\r\n")
        elif line.startswith("AUTH"):
            wire.say(f"535 5.7.8 no: {repeat(secret_of(line))} | {line}\r\n")
        else:
            wire.say(f"221 {line}\r\n")
            return


def echo_imap(wire: Wire) -> None:
    wire.say("* OK ready\r\n")
    while line := wire.hear():
        tag, _, verb = line.partition(" ")
        if verb.startswith("CAPABILITY"):
            wire.say(f"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n")
        elif verb.startswith("AUTHENTICATE"):
            wire.say("+ \r\n")
            answer = wire.hear()
            wire.say(f"{tag} NO [AUTHENTICATIONFAILED] {repeat(secret_of(answer))} | {answer}\r\n")
        else:
            wire.say(f"* BYE\r\n{tag} OK\r\n")
            return


def echo_pop3(wire: Wire) -> None:
    wire.say("+OK ready\r\n")
    while line := wire.hear():
        if line.startswith("CAPA"):
            wire.say("+OK\r\nUSER\r\n.\r\n")
        elif line.startswith("USER"):
            wire.say("+OK\r\n")
        elif line.startswith("PASS "):
            wire.say(f"-ERR [AUTH] {repeat(line[5:])} | {line}\r\n")
        else:
            wire.say("+OK\r\n")
            return


@pytest.fixture
def echoes(authority: Authority) -> Iterator[Echoes]:
    with ExitStack() as stack:
        leaf = authority.issue("echo.mail.test")
        yield Echoes(*(_run(stack, leaf, talk) for talk in (echo_smtp, echo_imap, echo_pop3)))


def _run(stack: ExitStack, leaf: Leaf, talk: Callable[[Wire], None]) -> int:
    return stack.enter_context(run_scripted(leaf, talk)).port


@dataclass(frozen=True, slots=True)
class Stage:
    """The secrets in their places, and the settings that lead to them."""

    folder: Path
    config: dict[str, Any]
    secrets: tuple[str, ...]
    users: tuple[str, ...]
    environ: dict[str, str]

    @property
    def state(self) -> Path:
        return self.folder / "state"


def set_stage(folder: Path, mailbox: Mailbox, echoes: Echoes, store: str) -> Stage:
    """Lay out accounts that work, are refused, are repeated, and whose secrets are not to be had."""
    hidden, loud = folder / "hidden", folder / "loud"
    for each in (hidden, loud, folder / "state"):
        each.mkdir()
    (loud / "sitecustomize.py").write_text(LOUD)
    wrong = f"not {mailbox.dovecot.password}"
    texts = {"good": mailbox.dovecot.password, "wrong": wrong, "odd": SECRET, "token": TOKEN}
    for name, text in (texts | {"mumbled": f"{MUMBLED}\n{MUMBLED}"}).items():
        (hidden / name).touch(mode=0o600)
        (hidden / name).write_text(text)
    mumble = hidden / "mumble"
    mumble.write_text(f"#!/bin/sh\ncat {hidden}/mumbled; cat {hidden}/mumbled >&2; exit 3\n")
    mumble.chmod(0o700)
    user = mailbox.dovecot.user
    off = {"smtp": False, "imap": False, "pop3": False}
    real = {name: f"{mailbox.address}:{port}" for name, port in (("smtp", 587), ("imap", 993), ("pop3", 995))}

    def account(name: str, servers: Mapping[str, object], **keys: object) -> dict[str, object]:
        return deepcopy(
            {"name": name, "username": user, "allow_unverified": True} | off | dict(servers) | keys
        )

    trip = {"roundtrip": {"sender": mailbox.owner}}
    odd, token = {"password_file": str(hidden / "odd")}, ["/bin/cat", str(hidden / "token")]
    smtp, imap, pop3 = (f"127.0.0.1:{port}:ssl" for port in (echoes.smtp, echoes.imap, echoes.pop3))
    accounts = [
        account("sales", real, password_file=str(hidden / "good"), **trip),
        account("wrong", real, password_file=str(hidden / "wrong"), **trip),
        account("echo-smtp", {"smtp": smtp}, **odd),
        account("echo-imap", {"imap": imap}, **odd),
        account("echo-pop3", {"pop3": pop3}, **odd),
        account("echo-env", {"imap": imap}, password_env="ECHOED"),
        account("echo-token", {"smtp": smtp}, token_command=token),
        account("mumbles", {"imap": imap}, token_command=[str(mumble)]),
        account("two-lines", {"imap": imap}, password_file=str(hidden / "mumbled")),
    ]
    config = {
        "targets": [f"{mailbox.address}:25"],
        "probe": {"allow_private": True, "versions_interval": None, "ca_file": str(mailbox.ca_file)},
        "controls": False,
        "events": {"stdout": True, "severity": "notice"},
        "store": store or f"sqlite:///{folder / 'state' / 'mailport.db'}",
        "accounts": accounts,
    }
    environ = {"ECHOED": ENVIRONS, "PYTHONPATH": str(loud), "PYTHONASYNCIODEBUG": "1"}
    secrets = (mailbox.dovecot.password, wrong, SECRET, TOKEN, ENVIRONS, MUMBLED)
    return Stage(folder, config, secrets, (user, mailbox.owner), environ)


def run_all(stage: Stage) -> dict[str, bytes]:
    """Do everything that has to do with accounts; return all that was said, by where."""
    heaps: dict[str, bytes] = {}

    def keep(name: str, outcome: Outcome) -> None:
        heaps[name] = (outcome.stdout + outcome.stderr).encode()

    path = write_config(stage.folder, stage.config)
    keep("check", run("check", path, env=stage.environ))
    with serving(stage.folder, stage.config, env=stage.environ) as service:
        names = {each["name"] for each in stage.config["accounts"]}
        assert wait_until(lambda: checked(service) == names, SECONDS), service.running.stderr
        done = {"account": "sales", "protocol": "roundtrip"}
        assert wait_until(lambda: bool(service.samples("mailport_account_success", **done)), SECONDS)
        for page in PAGES:
            heaps[page] = service.ask(page)[1].encode()
        waiting = ("--format", "ndjson")
        keep("waiting", run("accounts", "--config", path, *waiting, env=stage.environ))
        for form in ("table", "json"):
            keep(form, run("accounts", "--config", path, "--force", "--format", form, env=stage.environ))
        keep("events", run("events", "--config", path, env=stage.environ))
        inline = stage.folder / "inline.yml"
        inline.write_text(json.dumps({"targets": ["a.test"], "accounts": [{"password": SECRET}]}))
        keep("inline", run("check", inline, env=stage.environ))
        service.write_config({**stage.config, "accounts": stage.config["accounts"][1:]})
        service.ask("/-/reload", method="POST")
        service.running.end(signal.SIGTERM)
        heaps["log"] = service.running.stderr.encode()
        heaps["events on standard output"] = service.running.read_all().encode()
    for told in ("log", "events", "events on standard output", "/api/v1/events"):
        assert b"account echo-smtp smtp" in heaps[told], told
    assert b'"debug"' in heaps["log"], "the log is as loud as it can be"
    assert heaps["json"].count(b"***") > 10, "the servers have repeated what they were told"
    return heaps


def checked(service: Service) -> set[str]:
    found = service.samples("mailport_account_success")
    return {each.labels["account"] for each in found}


@pytest.mark.timeout(240)  # a dozen processes, as loud as they can be
def test_nothing_that_is_left_holds_a_password_with_sqlite(
    mailbox: Mailbox, echoes: Echoes, tmp_path: Path
) -> None:
    stage = set_stage(tmp_path, mailbox, echoes, "")
    heaps = run_all(stage) | files_below(stage.state)
    database = stage.state / "mailport.db"
    heaps["rows"] = rows_of_sqlite(database)
    assert b"account:default:echo-smtp:smtp" in heaps["rows"]
    assert search(heaps, stage.secrets, stage.users) == []
    check_that_it_would_be_found(heaps, stage)


@pytest.mark.timeout(240)  # likewise
def test_nothing_that_is_left_holds_a_password_with_postgresql(
    mailbox: Mailbox, echoes: Echoes, tmp_path: Path, postgres: Postgres
) -> None:
    url = postgres.url(postgres.create_database())
    stage = set_stage(tmp_path, mailbox, echoes, url)
    heaps = run_all(stage) | files_below(stage.state)
    heaps["rows"] = rows_of_postgresql(url)
    assert b"account:default:echo-smtp:smtp" in heaps["rows"]
    assert search(heaps, stage.secrets, stage.users) == []

    with psycopg.connect(url, autocommit=True) as database:
        database.execute("UPDATE meta SET value = value || %s WHERE key LIKE 'account:%%'", [SECRET.upper()])
    found = search({"rows": rows_of_postgresql(url)}, stage.secrets, stage.users)
    assert f"rows: {SECRET!r} as it is" in found


def check_that_it_would_be_found(heaps: dict[str, bytes], stage: Stage) -> None:
    """Put each secret, in each form, into each thing that was searched; each has to be found there."""
    for place, heap in heaps.items():
        for secret in stage.secrets:
            forms = forms_of(secret, stage.users)
            middle = len(heap) // 2
            planted = heap[:middle] + b"\n".join(forms.values()).upper() + heap[middle:]
            found = search({place: planted}, [secret], stage.users)
            assert {f"{place}: {secret!r} {name}" for name in forms} <= set(found)
