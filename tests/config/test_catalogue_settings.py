"""The key `catalogue`: what good entries mean, and that the documentation tells the truth."""

import re
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from scanner.config import ConfigError, Settings, override, parse_settings
from scanner.config.catalogue import BUILT_IN, Confidence, Provider, Server
from scanner.model import Login, Service, TlsMode
from tests.cli.command import run

DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text(encoding="utf-8")
BAD = Path(__file__).parent / "bad"
LEAST = "  - {id: own, domains: [own.example], imap: [{host: mail.own.example, port: 993}]}\n"
FULL = """\
  - id: own
    name: Our hosting
    domains: [Own.Example., bücher.example]
    mx_suffixes: [mx.own.example]
    submission:
      - {host: MAIL.own.example, port: 587}
      - {host: "2001:DB8::1", port: "${PORT}", tls_mode: implicit, confidence: unverified}
    imap: [{host: mail.own.example, port: 143, slot: Big}]
    pop3: []
    not_offered: [pop3, 465]
    slots: [Big, Small]
    min_tls: TLSv1.3
    login: {methods: [oauth2, password], notes: ask us}
    tolerated: {mx: [legacy_tls_accepted], imap: [auth_before_tls]}
    notes: moved in 2025
    evidence:
      - {fields: [domains, imap], source: wiki, checked: 2026-02-28, confidence: unverified}
"""


def parse(entries: str, **environ: str) -> Settings:
    text = "targets: [example.org]\ncatalogue:\n" + entries
    return parse_settings(text, source="c.yml", base=Path(), environ=environ)


def problems(entries: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(entries)
    return [str(problem) for problem in caught.value.problems]


def test_every_key_of_an_entry_is_read() -> None:
    (entry,) = parse(FULL, PORT="4650").catalogue
    assert (entry.id, entry.name, entry.notes) == ("own", "Our hosting", "moved in 2025")
    assert entry.domains == ("own.example", "xn--bcher-kva.example")
    assert entry.mx_suffixes == ("mx.own.example",)
    assert entry.submission == (
        Server(host="mail.own.example", port=587),
        Server(host="2001:db8::1", port=4650, tls_mode=TlsMode.IMPLICIT, confidence=Confidence.UNVERIFIED),
    )
    assert [server.mode for server in entry.servers(Service.SUBMISSION)] == ["starttls", "implicit"]
    assert entry.servers(Service.POP3) == entry.servers(Service.MX) == ()
    assert entry.absent_services == {Service.POP3}
    assert entry.absent_ports == {465, 110, 995}
    assert entry.slots == ("Big", "Small")
    assert entry.min_tls == "TLSv1.3"
    assert entry.login is not None
    assert (entry.login.methods, entry.login.notes) == ((Login.OAUTH2, Login.PASSWORD), "ask us")
    assert entry.tolerated is not None
    assert entry.tolerated.model_dump() == {
        "mx": ("legacy_tls_accepted",),
        "submission": (),
        "imap": ("auth_before_tls",),
        "pop3": (),
    }
    (fact,) = entry.evidence or ()
    assert (fact.fields, fact.source, fact.checked) == (("domains", "imap"), "wiki", date(2026, 2, 28))
    assert fact.confidence is Confidence.UNVERIFIED


def test_only_the_providers_own_word_declares_starttls() -> None:
    servers = [
        Server(host="h.example", port=587),
        Server(host="h.example", port=587, confidence=Confidence.UNVERIFIED),
        Server(host="h.example", port=465),
        Server(host="h.example", port=465, tls_mode=TlsMode.STARTTLS),
    ]
    assert [server.declares_starttls for server in servers] == [True, False, False, True]


@pytest.mark.parametrize("text", ["catalogue:\n", "catalogue: null\n", "catalogue: []\n", ""])
def test_no_entry_is_needed(text: str) -> None:
    settings = parse_settings(f"targets: [a.example]\n{text}", source="c.yml", base=Path(), environ={})
    assert settings.catalogue == ()


def test_little_is_needed() -> None:
    (entry,) = parse(LEAST).catalogue
    given = {key for key in Provider.model_fields if getattr(entry, key) is not None}
    assert given == {"id", "domains", "imap"}
    parse("  - {id: own, mx_suffixes: [own.example], not_offered: [submission, imap, pop3]}\n")
    parse("  - {id: gmail, name: Google}\n")


def test_null_is_not_given() -> None:
    assert parse(LEAST.replace("id: own", "id: own, pop3: null, login: null, min_tls: ~")) == parse(LEAST)


def test_entries_come_back_from_the_masked_output_and_from_changes() -> None:
    settings = parse(FULL, PORT="4650")
    again = parse_settings(settings.masked(), source="c.yml", base=Path(), environ={})
    assert again == settings
    assert override(settings, {"limits.rate": 3}).catalogue == settings.catalogue
    assert "null" not in parse(LEAST).masked().partition("\ncatalogue:")[2].partition("\nstore:")[0]
    assert "oauth2" in settings.masked()


def test_entries_cannot_be_changed_in_place() -> None:
    (entry,) = parse(LEAST).catalogue
    with pytest.raises(ValidationError, match="frozen"):
        entry.name = "x"  # type: ignore[misc]


def test_a_hostile_entry_is_bounded_and_escaped() -> None:
    (said,) = problems(
        f'  - {{id: own, domains: [own.example], imap: [{{host: "{"a" * 5000}", port: 993}}]}}\n'
    )
    assert len(said) < 200
    (said,) = problems('  - {id: "a\\u202eb", domains: [own.example], not_offered: [imap]}\n')
    assert said.isprintable()
    (said,) = problems(f"  - {{id: own, domains: [own.example], not_offered: [imap], notes: {'a' * 1001}}}\n")
    assert "at most 1000 characters" in said
    many = ", ".join(f"d{number}.example" for number in range(5000))
    (entry,) = parse(f"  - {{id: own, domains: [{many}], not_offered: [imap]}}\n").catalogue
    assert len(entry.domains or ()) == 5000


def test_there_is_a_file_for_every_kind_of_mistake() -> None:
    assert len(list(BAD.glob("catalogue_*.yml"))) == 7


# -------------------------------------------------------------------------------------------- documentation


def test_the_documented_example_is_good(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCUMENTATION, re.DOTALL)
    (tmp_path / "example.yml").write_text(example, encoding="utf-8")
    outcome = run("check", "example.yml", cwd=tmp_path)
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.stdout == "example.yml: good, 2 targets\n"


def test_the_documented_mistake_is_told_so(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCUMENTATION, re.DOTALL)
    (said,) = re.findall(r"```\n(mailport\.yml:.*?\n)```", DOCUMENTATION, re.DOTALL)
    mistaken = example.replace("port: 2587", "port: 99999")
    (tmp_path / "mailport.yml").write_text(mistaken, encoding="utf-8")
    outcome = run("check", "mailport.yml", cwd=tmp_path)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (2, "", said)


def test_the_documentation_has_every_key_and_every_built_in_provider() -> None:
    keys, _, built_in = DOCUMENTATION.partition("## Built in")
    rows = re.findall(r"^\| `catalogue\[\]\.(\w+)", keys, re.MULTILINE)
    assert set(rows) - {"SERVICE"} == set(Provider.model_fields)
    assert set(re.findall(r"`([a-z0-9-]+)`", built_in.partition("## When")[0])) == BUILT_IN
