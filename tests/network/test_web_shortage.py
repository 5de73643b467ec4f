"""Where this machine lacks sockets, the web client waits for one, and nothing is said of any domain."""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator

import pytest

from scanner.discovery.autoconfig import find_autoconfig
from scanner.discovery.mta_sts import CHECK_SECONDS, MtaSts, StsStatus
from scanner.model import Reason
from scanner.network import web_exchange
from scanner.network.web_answer import Fault, Page, WebFailure
from tests.discovery.test_mta_sts import POLICY, TEXT, Texts
from tests.discovery.web_server import World, respond, world
from tests.network.name_servers import Clock
from tests.servers.certificates import Authority, Leaf

D = "sts.test"
PAGE = f"https://mta-sts.{D}/.well-known/mta-sts.txt"


class Machine:
    """Lacks sockets so many times: while `left` is above 0."""

    def __init__(self) -> None:
        self.left = 0
        self.asked = 0

    def open(self, family: int) -> socket.socket:
        self.asked += 1
        if self.left > 0:
            self.left -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return socket.socket(family, socket.SOCK_STREAM)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(web_exchange, "open_socket", made.open)
    return made


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> Leaf:
    return authority.issue(f"mta-sts.{D}", f"autoconfig.{D}", D)


@pytest.fixture
async def here(authority: Authority, leaf: Leaf) -> AsyncIterator[World]:
    async with world(authority, leaf, f"mta-sts.{D}", f"autoconfig.{D}", D, timeout=2.0) as made:
        made.site.pages[PAGE] = respond(TEXT, "Content-Type: text/plain")
        yield made


async def test_a_lack_of_sockets_is_waited_for(here: World, machine: Machine) -> None:
    machine.left = 3
    answer = await here.client.fetch(PAGE)
    assert isinstance(answer, Page), answer
    assert machine.asked == 4


async def test_a_lack_that_stays_is_told_as_ours_and_neither_kept_nor_held_against_the_address(
    here: World, machine: Machine
) -> None:
    machine.left = 10**6
    for answer in await asyncio.gather(*(here.client.fetch(PAGE) for _ in range(3))):
        assert isinstance(answer, WebFailure)
        assert (answer.fault, answer.reason) == (Fault.CONNECT, Reason.PROBE_RESOURCES)
        assert answer.is_ours
        assert not answer.is_definite
        assert "EMFILE" in answer.detail
    for _ in range(2):  # two in vain would have an address rest
        await here.client.fetch(PAGE, is_fresh=True)
    machine.left = 0
    assert isinstance(await here.client.fetch(PAGE), Page)


async def test_a_policy_that_we_could_not_fetch_is_no_broken_one_and_is_fetched_as_soon_as_we_can(
    here: World, machine: Machine
) -> None:
    texts, clock = Texts(), Clock()
    texts.say(b"v=STSv1; id=1")
    sts = MtaSts(texts, here.client, clock=clock)
    machine.left = 10**6
    found = await sts.look_up(D)
    assert (found.status, found.policy, found.notice) == (StsStatus.FAILED, None, None)
    assert "EMFILE" in (found.detail or "")
    machine.left = 0
    found = await sts.look_up(D)
    assert (found.status, found.policy) == (StsStatus.VALID, POLICY)
    clock.now += CHECK_SECONDS + 1
    machine.left = 10**6
    found = await sts.look_up(D)
    assert (found.status, found.policy, found.is_cached, found.notice) == (
        StsStatus.VALID,
        POLICY,
        True,
        None,
    )


async def test_a_file_that_we_could_not_fetch_is_not_replaced_by_one_of_less_trust(
    here: World, machine: Machine
) -> None:
    machine.left = 10**6
    here.site.pages[f"http://autoconfig.{D}/mail/config-v1.1.xml"] = respond(b"<clientConfig/>")
    offer = await find_autoconfig(D, here.client)
    assert offer.places == ()
    assert offer.trouble is not None
    assert offer.trouble.reason is Reason.PROBE_RESOURCES
    assert here.site.requests == []
