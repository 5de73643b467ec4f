"""The tables themselves: complete, without contradictions, and every command in them is one of mailport's."""

import re

import pytest

from scanner.config.problem import ConfigError
from scanner.explain import read_explanations, read_ports, read_text
from scanner.explain.entries import parse_explanations
from scanner.model import PORTS, Reason, Standing
from scanner.model.record import schema

COMMANDS = {"scan", "advise", "explain"}
GOOD = """\
explanations:
  - id: something
    title: Something
    says: [some phrase]
    means: It means something.
    causes:
      - {cause: A cause., tell: By this., mend: Like this.}
"""


def texts() -> list[str]:
    found = [
        text
        for entry in read_explanations()
        for text in (entry.means, *(part for one in entry.causes for part in (one.cause, one.tell, one.mend)))
    ]
    return found + [
        part
        for facts in read_ports().values()
        for part in (facts.purpose, facts.users, facts.security, facts.advice)
    ]


def test_every_port_of_the_port_table_is_explained() -> None:
    ports = read_ports()
    assert set(PORTS) < set(ports)
    for number, facts in ports.items():
        # What the port table says is said there alone.
        assert (facts.protocol is None, facts.tls is None) == (number in PORTS, number in PORTS)


def test_no_legacy_port_is_recommended_to_clients() -> None:
    for number, row in PORTS.items():
        if row.standing in {Standing.LEGACY, Standing.SERVERS}:
            advice = read_ports()[number].advice
            assert re.search(r"993|995|587|465", advice)
            assert not re.match(rf"(?:Use|Choose) {number}\b", advice)


def test_commands_that_are_named_exist() -> None:
    named = {word for text in texts() for word in re.findall(r"mailport (\w+)", text)}
    assert named == COMMANDS


# Words with an underscore that are no name of a verdict or a reason.
OTHERS = {
    *("after_tls", "before_tls"),  # fields of the record
    *("httpd_can_network_connect", "httpd_can_sendmail"),  # SELinux
    *("inet_interfaces", "smtpd_sasl_auth_enable", "smtpd_tls_wrappermode"),  # Postfix
    *("virtual_mailbox_domains", "mail_max_userip_connections"),  # Postfix, Dovecot
}


def test_verdicts_and_reasons_that_are_named_exist() -> None:
    definitions = schema()["$defs"]
    known = set(definitions["verdict"]["properties"]["id"]["enum"]) | {reason.value for reason in Reason}
    named = {word for text in texts() for word in re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", text)}
    assert named - known == OTHERS


def test_every_phrase_finds_its_own_entry_or_a_more_precise_one() -> None:
    for entry in read_explanations():
        for phrase in entry.says:
            reading = read_text(phrase.replace("*", "mail.example.org"))
            assert reading.best is not None, phrase
            assert reading.best.weight[0] >= entry.rank, (phrase, reading.best.explanation.id)


def test_every_code_finds_its_own_entry() -> None:
    for entry in read_explanations():
        for code in entry.codes:
            reading = read_text(f"{code} ")
            assert reading.best is not None, code
            assert reading.best.explanation.id == entry.id, code


def test_a_good_table_is_read() -> None:
    (entry,) = parse_explanations(GOOD, source="good.yml")
    assert entry.rank == 2
    assert entry.complaint is None


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("says: [some phrase]", "says: [Some Phrase]", 2, "lower case"),
        ("says: [some phrase]", "says: [some phrase]\n    codes: [abc]", 2, "must be as"),
        ("    title: Something\n", "", 2, "Field required"),
        ("mend: Like this.", "mend: Like this., more: x", 7, "Extra inputs"),
        ("id: something", "id: Some thing", 2, "pattern"),
        ("explanations:", "explanation:", 1, "must be one section"),
        ("causes:", "causes", 8, ""),
    ],
)
def test_a_bad_table_is_refused_with_its_line(old: str, new: str, line: int, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_explanations(GOOD.replace(old, new), source="bad.yml")
    assert told in str(caught.value)
    assert str(caught.value).startswith("bad.yml:")
    assert told == "" or caught.value.problems[0].line == line
