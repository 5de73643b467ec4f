"""The parts of docs/ that follow from the code are as the code is now, and nothing is missing in them."""

import json
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import BaseModel, BeforeValidator

from scanner.config.catalogue import Evidence, Provider, Server, SignIn
from scanner.config.control_entries import ControlEntry
from scanner.config.section import Section
from scanner.config.settings import PolicyOverride, Settings
from scanner.config.values import duration
from scanner.config.vantage_settings import VantageSettings
from scanner.config.web_config import HttpServerConfig, TlsServerConfig, WebConfig, parse_web_config
from scripts.reference.commands import commands
from scripts.reference.keys import keys_of
from scripts.reference.parts import DOCS, gaps_in, render
from scripts.reference.tables import unexplained, write_tables
from tests.cli.command import run

ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| `([^|]+)` \|$", re.MULTILINE)
ENTRIES = (
    "policy.overrides[]",
    "cluster.vantages[]",
    "catalogue[]",
    "controls.ports.PORT[]",
    "tls_server_config",
    "http_server_config",
)


def rows(name: str) -> dict[str, tuple[str, str, str, str]]:
    text = (DOCS / name).read_text("utf-8")
    return {
        key: (kind, default, meaning, example) for key, kind, default, meaning, example in ROW.findall(text)
    }


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_a_document_is_as_the_code_is(path: Path) -> None:
    text = path.read_text("utf-8")
    assert render(text) == text, "run: make reference"
    assert gaps_in(text) == []


@pytest.mark.parametrize(
    ("document", "prefix", "model"),
    [
        ("configuration.md", "policy.overrides[].", PolicyOverride),
        ("configuration.md", "cluster.vantages[].", VantageSettings),
        ("catalogue.md", "catalogue[].", Provider),
        ("catalogue.md", "catalogue[].SERVICE[].", Server),
        ("catalogue.md", "catalogue[].login.", SignIn),
        ("catalogue.md", "catalogue[].evidence[].", Evidence),
        ("controls.md", "controls.ports.PORT[].", ControlEntry),
        ("web-config.md", "tls_server_config.", TlsServerConfig),
        ("web-config.md", "http_server_config.", HttpServerConfig),
        ("web-config.md", "", WebConfig),
    ],
)
def test_every_key_of_a_section_is_there(document: str, prefix: str, model: type[BaseModel]) -> None:
    told = {key.removeprefix(prefix).split(".")[0] for key in rows(document) if key.startswith(prefix)}
    assert {name.removesuffix("[]") for name in told} >= model.model_fields.keys()


def documented() -> Iterator[tuple[str, str, str]]:
    for name in ("catalogue.md", "controls.md", "configuration.md", "web-config.md"):
        yield from ((name, key, cells[3]) for key, cells in rows(name).items() if key.startswith(ENTRIES))


@pytest.mark.parametrize(("document", "key", "example"), list(documented()))
def test_every_example_of_an_entry_is_accepted(document: str, key: str, example: str, tmp_path: Path) -> None:
    value = yaml.safe_load(example)
    if document == "web-config.md":
        read_web_example(key, value)
        return
    path = tmp_path / "mailport.yml"
    path.write_text(json.dumps(configuration_with(key, value), default=str), "utf-8")
    outcome = run("check", path)
    assert outcome.status == 0, outcome.stderr


def read_web_example(key: str, value: object) -> None:
    section, _, name = key.partition(".")
    given: dict[str, object] = {name: value}
    if section == "tls_server_config":
        given = {"cert_file": "server.crt", "key_file": "server.key", **given}
        if name.startswith("client_"):
            given |= {"client_ca_file": "clients.pem", "client_auth_type": "RequireAndVerifyClientCert"}
            given[name] = value
    parse_web_config(yaml.safe_dump({section: given}), source="web.yml", base=Path())


def configuration_with(key: str, value: object) -> dict[str, object]:
    name = key.rpartition(".")[2]
    targets = ["example.org"]
    if key.startswith("policy"):
        entry = {"target": "example.org", "min_tls": "TLSv1.2"} | {name: value}
        return {"targets": targets, "policy": {"overrides": [entry]}}
    if key.startswith("cluster"):
        vantage = {"name": "frankfurt"} | {name: value}
        return {"targets": targets, "cluster": {"broker": "redis://redis:6379/0", "vantages": [vantage]}}
    if key.startswith("controls"):
        return {
            "targets": targets,
            "controls": {"ports": {"25": [{"host": "mx.example.net"} | {name: value}]}},
        }
    server: dict[str, object] = {"host": "mail.own.example", "port": 993}
    provider: dict[str, object] = {"id": "own", "domains": ["own.example"], "slots": ["Server 1"]}
    inside = key.removeprefix("catalogue[].").rpartition(".")[0]
    if inside == "SERVICE[]":
        server[name] = value
    elif inside == "evidence[]":
        provider["evidence"] = [{"fields": ["imap"], "source": "x", "checked": "2026-01-02"} | {name: value}]
    elif inside == "login":
        provider["login"] = {"methods": ["password"]} | {name: value}
    elif inside:
        provider[inside] = {name: value}
    else:
        provider[name] = value
    return {"targets": targets, "catalogue": [{"imap": [server]} | provider]}


def test_a_new_key_gets_a_row_and_wants_its_words() -> None:
    text = (DOCS / "configuration.md").read_text("utf-8")
    lost = "".join(line for line in text.splitlines(keepends=True) if "`limits.rate`" not in line)
    written = write_tables(lost)
    assert "| `limits.rate` | number, 0 or more | `10` |  |  |\n" in written
    assert unexplained(written) == ["limits.rate"]
    assert unexplained(text) == []


class Colour(Enum):
    RED = "red"


class Sample(Section):
    wait: Annotated[float, BeforeValidator(duration())] = 5.0
    colours: tuple[Colour, ...] = (Colour.RED,)


def test_a_key_is_described_by_what_it_says_of_a_wrong_value() -> None:
    first, second = keys_of(Sample, "sample.")
    assert (first.name, first.type, first.default) == ("sample.wait", "time, more than 0", "`5`")
    assert second.default == "`[red]`"


def test_no_setting_is_forgotten() -> None:
    assert len(rows("configuration.md")) > 60
    assert {name.split(".")[0].split("[")[0] for name in rows("configuration.md")} == (
        Settings.model_fields.keys() - {"target_file", "exclude_file"}
    )


def test_every_command_and_option_is_documented() -> None:
    text = (DOCS / "cli.md").read_text("utf-8")
    found = 0
    for name, _ in commands():
        chapter = text.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
        shown = run(*name.split()[1:], "--help", env={"COLUMNS": "200"}).stdout
        told = set(re.findall(r"^\| `(--[\w-]+)", chapter, re.MULTILINE))
        assert told == set(re.findall(r"^│ \*?\s*(--[\w-]+)", shown, re.MULTILINE)) - {"--help"}, name
        found += len(told)
    assert found > 50


DOCUMENTS = [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_that_a_document_names_exist_with_their_options(path: Path) -> None:
    text = path.read_text("utf-8")
    code = [
        *re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE),
        *re.findall(r"`([^`\n]+)`", text),
    ]
    known = {name: options_of(command) for name, command in commands()}
    for line in "\n".join(code).splitlines():
        found = re.match(r"\s*\$?\s*(?:\.venv/bin/)?(mailport [a-z]+(?: [a-z]+)?)([^#|;&]*)", line)
        if found is None:
            continue
        name = found[1] if found[1] in known else found[1].rpartition(" ")[0]
        if name == "mailport":
            name = found[1]
        assert name in known or any(one.startswith(f"{name} ") for one in known), line
        for option in re.findall(r"(?<=\s)--[a-z][\w-]*", found[2]):
            assert option in known.get(name, ()), line


def options_of(command: Any) -> set[str]:
    return {option for one in command.params for option in one.opts} | {"--help"}


@pytest.mark.parametrize(
    "name", ["operating.md", "start.md", "from-blackbox-exporter.md", "api.md", "store.md"]
)
def test_settings_that_a_document_names_exist(name: str) -> None:
    known = set(rows("configuration.md"))
    sections = {key.split(".")[0] for key in known if "." in key}
    named = re.findall(r"`([a-z]+(?:\.[a-z_]+)+)(?=[`:])", (DOCS / name).read_text("utf-8"))
    assert {
        one for one in named if one.split(".")[0] in sections and not one.endswith((".db", ".example.org"))
    } <= known
