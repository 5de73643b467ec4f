"""What is recommended was measured to work, on every address, and on no legacy port."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from scanner.model import Observation, Reason, StartTls
from scanner.web.brief import brief_of
from scanner.web.recommended import recommend
from tests.web.samples import certificate, failed, good
from tests.web.verdicts import STRIPPED

HOST = "mail.example.org"
EXPIRED = certificate(HOST, -3, problems=("expired",), trusted=False)


def settings(*world: Observation) -> Sequence[tuple[str, str, int]]:
    return [(one.purpose, one.host, one.port) for one in recommend(map(brief_of, world))]


def test_the_recommended_ports_come_before_the_others() -> None:
    world = [good(HOST, port) for port in (25, 110, 143, 465, 587, 993, 995)]

    assert settings(*world) == [
        ("Sending", HOST, 587),
        ("Reading by IMAP", HOST, 993),
        ("Reading by POP3", HOST, 995),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        failed(HOST, 587, Reason.CONNECT_TIMEOUT),
        good(HOST, 587, certificate=EXPIRED, level=2),
        good(HOST, 587, tls=None, certificate=None, level=1),
        good(HOST, 587, verdicts=(STRIPPED,), starttls=StartTls(offered=False)),
    ],
)
def test_what_does_not_work_is_recommended_to_nobody(bad: Observation) -> None:
    assert settings(bad) == []
    assert settings(bad, good(HOST, 465)) == [("Sending", HOST, 465)]


def test_one_bad_address_speaks_against_the_server() -> None:
    other = replace(failed(HOST, 587, Reason.CONNECTION_REFUSED))

    assert settings(good(HOST, 587), other, good("b.example.org", 587)) == [("Sending", "b.example.org", 587)]


def test_a_legacy_port_is_recommended_to_nobody() -> None:
    assert settings(good(HOST, 143), good(HOST, 110), good(HOST, 25)) == []
