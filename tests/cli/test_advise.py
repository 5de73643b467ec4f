"""`mailport advise` against the farm: what it recommends, what it refuses to, and why."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.demo.zone import Records
from tests.cli.command import Outcome, run
from tests.cli.running_farm import RunningFarm, open_farm

Advice = dict[str, Any]


def srv(domain: str, **services: tuple[str, int]) -> Records:
    """Return the records of a domain whose services are on hosts of the farm."""
    return {
        domain: {"MX": ["10 healthy.mail.test."]},
        **{
            f"_{service}._tcp.{domain}": {"SRV": [f"0 1 {port} {host}.mail.test."]}
            for service, (host, port) in services.items()
        },
    }


RECORDS: Records = {
    **srv("stripped.test", submission=("starttls-missing", 587), imaps=("healthy", 993)),
    **srv("expired.test", submissions=("healthy", 465), imaps=("cert-expired", 993), imap=("healthy", 143)),
    **srv("silent.test", submissions=("blocked", 465), imaps=("healthy", 993)),
    **srv("closed.test", submission=("refused", 587), imaps=("cert-other", 993)),
    **srv("old.test", submissions=("tls10-only", 465), imaps=("healthy", 993)),
    **srv("mute.test", submission=("auth-missing", 587), imaps=("healthy", 993)),
    **srv("nopop.test", submission=("healthy", 587), imaps=("healthy", 993)),
    "_pop3s._tcp.nopop.test": {"SRV": ["0 0 0 ."]},
    "_pop3._tcp.nopop.test": {"SRV": ["0 0 0 ."]},
    **srv("oudel.test"),
}


@pytest.fixture(scope="module")
def farm() -> Iterator[RunningFarm]:
    with open_farm(records=RECORDS, greeting_delay=0.5) as opened:
        yield opened


def ask(farm: RunningFarm, *arguments: object) -> Outcome:
    options = [option for option in farm.options if option not in {"--rate", "0"}]
    return run("advise", *arguments, "--timeout", "2", *options)


def advise(farm: RunningFarm, *arguments: object) -> Advice:
    outcome = ask(farm, *arguments, "--format", "json")
    found: Advice = json.loads(outcome.stdout)
    assert outcome.status == (0 if found["complete"] else 1)
    return found


def use(advice: Advice, service: str) -> tuple[str, int, str] | None:
    way = advice["services"][service]["use"]
    return None if way is None else (way["host"], way["port"], way["tls_mode"])


def test_a_good_domain_gets_587_993_and_995(farm: RunningFarm) -> None:
    advice = advise(farm, "mail.test")
    assert use(advice, "submission") == ("healthy.mail.test", 587, "starttls")
    assert use(advice, "imap") == ("healthy.mail.test", 993, "implicit")
    assert use(advice, "pop3") == ("healthy.mail.test", 995, "implicit")
    assert [way["port"] for way in advice["services"]["submission"]["others"]] == [465]
    assert advice["services"]["submission"]["credentials"] == ["password"]
    assert advice["user_name"] == {"form": "full_address", "by_provider": False}
    assert (advice["recommended"], advice["submission_preference"]) == (True, None)


def test_people_read_what_to_enter_where(farm: RunningFarm) -> None:
    outcome = ask(farm, "jane@mail.test")
    assert outcome.status == 0
    for line in ("To send (SMTP)", "To read (IMAP)", "Where POP3 is needed (POP3)"):
        assert line in outcome.stdout
    assert "  server       healthy.mail.test\n  port         587\n  encryption   STARTTLS\n" in outcome.stdout
    assert "587 comes first" in outcome.stdout
    assert "deletes it on the server" in outcome.stdout


@pytest.mark.parametrize("purpose", ["wordpress", "form", "automation"])
def test_a_program_that_sends_is_told_how_to_send(farm: RunningFarm, purpose: str) -> None:
    """S37, S38."""
    outcome = ask(farm, "mail.test", "--for", purpose)
    assert outcome.status == 0
    assert "healthy.mail.test" in outcome.stdout
    assert "587" in outcome.stdout
    assert "STARTTLS" in outcome.stdout
    assert "the full e-mail address" in outcome.stdout
    assert "IMAP" not in outcome.stdout
    assert "Never port 25" in outcome.stdout


def test_the_operators_preference_is_kept_and_told(farm: RunningFarm, tmp_path: Path) -> None:
    config = tmp_path / "m.yml"
    config.write_text("policy: {submission_preference: rfc8314}\n")
    outcome = ask(farm, "mail.test", "--config", config)
    assert "  port         465\n  encryption   SSL/TLS\n" in outcome.stdout
    assert "policy.submission_preference is rfc8314" in outcome.stdout


def test_what_is_stripped_is_refused_with_its_reason(farm: RunningFarm) -> None:
    outcome = ask(farm, "stripped.test")
    assert outcome.status == 1
    assert "nothing can be recommended" in outcome.stdout
    assert "working alternative: none found" in outcome.stdout
    assert "not starttls-missing.mail.test:587 STARTTLS: The server does not offer STARTTLS" in outcome.stdout


def test_an_expired_certificate_leaves_a_legacy_port_for_the_time_being(farm: RunningFarm) -> None:
    advice = advise(farm, "expired.test")
    assert use(advice, "submission") == ("healthy.mail.test", 465, "implicit")
    imap = advice["services"]["imap"]
    assert imap["use"] is None
    assert (imap["working_alternative"]["port"], imap["working_alternative"]["label"]) == (
        143,
        "legacy, for the time being only",
    )
    assert "expired" in imap["failing"][0]["why"]
    assert advice["recommended"] is False


@pytest.mark.parametrize(
    ("domain", "why"),
    [
        ("silent.test", "vanish"),
        ("closed.test", "Nothing listens"),
        ("old.test", "TLSv1.0"),
        ("mute.test", "offers no AUTH"),
    ],
)
def test_nothing_is_recommended_that_does_not_serve(farm: RunningFarm, domain: str, why: str) -> None:
    advice = advise(farm, domain)
    sending = advice["services"]["submission"]
    assert sending["use"] is None
    assert sending["working_alternative"] is None
    assert why in sending["failing"][0]["why"]
    assert advice["recommended"] is False


def test_a_service_that_the_domain_does_not_offer_is_no_fault(farm: RunningFarm) -> None:
    advice = advise(farm, "nopop.test")
    assert advice["services"]["pop3"]["not_offered"] is True
    assert (advice["complete"], advice["recommended"]) == (True, True)
    alone = ask(farm, "nopop.test", "--devices", "1", "--local")
    assert alone.status == 1
    assert "the domain publishes that it does not offer POP3" in alone.stdout


@pytest.mark.parametrize(
    ("domain", "told"), [("nullmx.mail.test", "takes no mail"), ("nope.test", "does not exist")]
)
def test_a_domain_without_servers_is_told_so(farm: RunningFarm, domain: str, told: str) -> None:
    outcome = ask(farm, domain)
    assert outcome.status == 1
    assert told in outcome.stdout


def test_the_slots_of_oudel_are_advised_once_they_are_filled(farm: RunningFarm, tmp_path: Path) -> None:
    config = tmp_path / "m.yml"
    config.write_text(
        "catalogue:\n  - id: oudel\n    domains: [oudel.test]\n"
        "    submission: [{host: healthy.mail.test, port: 587, slot: Email Server 1}]\n"
        "    imap: [{host: healthy.mail.test, port: 993, slot: Email Server 1}]\n"
    )
    advice = advise(farm, "oudel.test", "--config", config)
    assert advice["provider"] == "oudel"
    assert use(advice, "submission") == ("healthy.mail.test", 587, "starttls")


@pytest.mark.parametrize("text", ["mail.test:587", "127.0.0.1", "a b", "", "smtp://mail.test"])
def test_what_is_no_domain_is_a_mistake_of_usage(text: str) -> None:
    outcome = run("advise", text)
    assert outcome.status == 2
    assert outcome.problem


def test_the_metric_says_the_same(farm: RunningFarm) -> None:
    """The scan's own records lead to the same: what is recommended is open and has no critical finding."""
    advice = advise(farm, "mail.test")
    scan = run("scan", "mail.test", "--format", "json", "--no-versions", *farm.options)
    records = {(one["host"], one["port"]): one for one in json.loads(scan.stdout)}
    for service in ("submission", "imap", "pop3"):
        place = use(advice, service)
        assert place is not None
        record = records[place[:2]]
        assert record["state"] == "open"
        assert record["level"] >= 3


def test_who_is_excluded_is_not_looked_at(farm: RunningFarm, tmp_path: Path) -> None:
    path = tmp_path / "optout.txt"
    path.write_text("healthy.mail.test\n")
    begun = time.monotonic()
    outcome = ask(farm, "mute.test", "--exclude", path)
    assert {host for host, _ in farm.connects(begun)} == {"auth-missing.mail.test"}
    assert "healthy.mail.test" not in {line.strip() for line in outcome.stdout.splitlines()}
    path.write_text("*.mail.test\n")
    outcome = ask(farm, "mute.test", "--exclude", path)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert f'{path}:1: "*.mail.test": write "mail.test"' in outcome.stderr


def test_of_a_domain_on_the_exclude_list_the_entry_and_its_file_are_told(
    farm: RunningFarm, tmp_path: Path
) -> None:
    path = tmp_path / "optout.txt"
    path.write_text("test\n")
    begun = time.monotonic()
    outcome = ask(farm, "mute.test", "--exclude", path)
    assert (outcome.status, farm.connects(begun)) == (1, [])
    text = "".join(outcome.stdout.split())
    assert f"mute.test is on the exclude list (test), in {path}".replace(" ", "") in text
    assert "takeitsentryoffthelist" in text
    assert "mailportscan" not in text
    found = json.loads(ask(farm, "mute.test", "--exclude", path, "--format", "json").stdout)
    assert found["findings"] == [f"mute.test is on the exclude list (test), in {path}"]


def test_of_servers_on_the_exclude_list_nobody_is_sent_to_scan_them(
    farm: RunningFarm, tmp_path: Path
) -> None:
    """The file is named that has the entry, of two."""
    config, path = tmp_path / "mailport.yml", tmp_path / "optout.txt"
    config.write_text("exclude: [auth-missing.mail.test]\n")
    path.write_text("healthy.mail.test\n")
    outcome = ask(farm, "mute.test", "--config", config, "--exclude", path)
    text = "".join(outcome.stdout.split())
    for line in (
        f"auth-missing.mail.test is on the exclude list, in the key exclude of {config}",
        f"healthy.mail.test is on the exclude list, in {path}",
        "no server for SMTP is known beside those on the exclude list",
    ):
        assert line.replace(" ", "") in text, outcome.stdout
    assert "mailportscan" not in text
