"""What a domain's page says to set up is the advice, and says why where there is none."""

from collections.abc import Sequence

import aiohttp
import pytest

from scanner.config.catalogue import Provider
from scanner.explain.advice import Wish, advise
from scanner.explain.advice_record import advice_record
from scanner.model import Observation, Reason, StartTls
from scanner.model.domain import DomainFacts
from scanner.model.ports import Preference
from scanner.web.recommended import MOST_REASONS, Recommended, recommend
from tests.web.facts import facts_of
from tests.web.page import load
from tests.web.samples import certificate, failed, good
from tests.web.service import FakeService
from tests.web.verdicts import STRIPPED

HOST = "mail.example.org"
EXPIRED = certificate(HOST, -3, problems=("expired",), trusted=False)


def ask(
    *world: Observation, preference: Preference | None = None, provider: Provider | None = None
) -> Recommended:
    (facts,) = facts_of(world) or [DomainFacts("example.org")]
    latest = {seen.endpoint.key: seen for seen in world}
    return recommend(advise(facts, latest, provider, Wish(), preference))


def settings(*world: Observation, preference: Preference | None = None) -> Sequence[tuple[str, str, int]]:
    found = ask(*world, preference=preference)
    return [(one.purpose, one.host, one.port) for one in found.settings]


def test_the_recommended_ports_come_before_the_others() -> None:
    world = [good(HOST, port) for port in (25, 110, 143, 465, 587, 993, 995)]

    assert settings(*world) == [
        ("Sending", HOST, 587),
        ("Reading by IMAP", HOST, 993),
        ("Reading by POP3", HOST, 995),
    ]
    found = ask(*world)
    assert not found.lacks
    assert found.settings[0].why == "587 comes first, since policy.submission_preference is not set"
    assert found.caution is not None


@pytest.mark.parametrize(("preference", "port"), [("587", 587), ("465", 465), ("rfc8314", 465), (None, 587)])
def test_the_operators_preference_decides(preference: str | None, port: int) -> None:
    wanted = None if preference is None else Preference(preference)
    found = ask(good(HOST, 465), good(HOST, 587), good(HOST, 993), preference=wanted)
    assert found.settings[0].port == port
    assert f"policy.submission_preference is {preference or 'not set'}" in found.settings[0].why


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (failed(HOST, 587, Reason.CONNECT_TIMEOUT), f"not {HOST}:587 STARTTLS: "),
        (good(HOST, 587, certificate=EXPIRED, level=2), "not good enough"),
        (good(HOST, 587, tls=None, certificate=None, level=1), "plain text only"),
        (good(HOST, 587, verdicts=(STRIPPED,), starttls=StartTls(offered=False)), STRIPPED.summary),
    ],
)
def test_what_does_not_work_is_recommended_to_nobody_and_the_reason_is_given(
    bad: Observation, why: str
) -> None:
    found = ask(bad)
    assert not found.settings
    assert any(why in reason for reason in found.lacks[0].reasons), found.lacks
    assert found.lacks[1].reasons == ("no server for IMAP is known; name its host: mailport scan HOST",)
    assert settings(bad, good(HOST, 465)) == [("Sending", HOST, 465)]


def test_a_legacy_port_does_for_the_time_being_at_best() -> None:
    found = ask(good(HOST, 143), good(HOST, 110), good(HOST, 25))
    assert not found.settings
    reasons = {lack.purpose: lack.reasons for lack in found.lacks}
    assert f"works: {HOST}:143 STARTTLS (legacy, for the time being only)" in reasons["Reading by IMAP"]
    assert set(reasons) == {"Sending", "Reading by IMAP", "Reading by POP3"}


def test_of_many_servers_that_do_not_fit_some_are_named() -> None:
    world = [failed(f"mail{number}.example.org", 587, Reason.CONNECT_TIMEOUT) for number in range(40)]
    assert len(ask(*world).lacks[0].reasons) == MOST_REASONS


@pytest.fixture
def service() -> FakeService:
    return FakeService(
        seen=[good(HOST, 465), good(HOST, 587), good(HOST, 993)], preference=Preference.IMPLICIT
    )


async def test_the_page_and_the_api_say_the_same(site: aiohttp.ClientSession, service: FakeService) -> None:
    name = service.domains()[0].domain
    page = await load(site, f"/domains/{name}")
    async with site.get(f"/api/v1/domains/{name}") as answer:
        document = await answer.json()
    assert document["advice"] == advice_record(service.advise(service.domains()[0]))
    assert document["advice"]["services"]["submission"]["use"]["port"] == 465
    (panel,) = [each for each in page.find("section", class_="panel") if "What to set up" in each.text]
    rows = [row.text for row in panel.find("tbody")[0].find("tr")]
    assert rows[0].startswith(f"Sending{HOST}465SSL/TLS")
    assert "Port 465 for sending: policy.submission_preference is 465." in panel.text
