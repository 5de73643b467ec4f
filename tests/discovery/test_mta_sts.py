"""MTA-STS looked up against a real web server, and what is kept over time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from scanner.discovery.mta_sts import KeptPolicy, MemoryCache, MtaSts, StsLookup, StsStatus
from scanner.discovery.mta_sts_text import explain_record
from scanner.model import Kind, Severity, StsMode, StsPolicy
from scanner.network.answer import Answer, Status
from tests.discovery.web_server import World, redirect, respond, world
from tests.network.name_servers import Clock
from tests.servers.certificates import Authority, Leaf

D = "sts.test"
RECORD = f"_mta-sts.{D}"
URL = f"https://mta-sts.{D}/.well-known/mta-sts.txt"
DAY = 86_400
TEXT = b"version: STSv1\r\nmode: enforce\r\nmx: mx1.sts.test\r\nmx: *.sts.test\r\nmax_age: 604800\r\n"
POLICY = StsPolicy(StsMode.ENFORCE, ("mx1.sts.test", "*.sts.test"), 604_800)
OTHER = TEXT.replace(b"enforce", b"testing")
OTHER_POLICY = StsPolicy(StsMode.TESTING, POLICY.mx, POLICY.max_age)


class Texts:
    """A resolver of TXT records."""

    def __init__(self) -> None:
        self.answer: Answer[bytes] = Answer(RECORD, Status.NO_NAME)

    def say(self, *records: bytes) -> None:
        self.answer = Answer(RECORD, Status.FOUND, records)

    async def txt(self, name: str) -> Answer[bytes]:
        assert name == RECORD
        return self.answer


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain that publishes a policy, and one who looks it up."""

    world: World
    texts: Texts
    clock: Clock
    sts: MtaSts

    def publish(self, identity: str, text: bytes, *headers: str) -> None:
        self.texts.say(f"v=STSv1; id={identity}".encode())
        self.world.site.pages[URL] = respond(text, *(headers or ("Content-Type: text/plain; charset=utf-8",)))

    async def look_up(self) -> StsLookup:
        return await self.sts.look_up(D)

    @property
    def fetches(self) -> int:
        return len(self.world.site.requests)


@pytest.fixture(scope="session")
def sts_leaf(authority: Authority) -> Leaf:
    return authority.issue(f"mta-sts.{D}")


@pytest.fixture
async def domain(authority: Authority, sts_leaf: Leaf) -> AsyncIterator[Domain]:
    async with world(authority, sts_leaf, f"mta-sts.{D}", timeout=2.0) as made:
        texts, clock = Texts(), Clock()
        yield Domain(made, texts, clock, MtaSts(texts, made.client, clock=clock))


async def test_a_domain_without_a_record_is_not_asked(domain: Domain) -> None:
    for status in (Status.NO_NAME, Status.NO_DATA):
        domain.texts.answer = Answer(RECORD, status)
        assert await domain.look_up() == StsLookup(StsStatus.NONE)
    domain.texts.say(b"v=spf1 -all")
    assert await domain.look_up() == StsLookup(StsStatus.NONE)
    assert not domain.fetches


@pytest.mark.parametrize("records", [[b"v=STSv1; id=!"], [b"v=STSv1; id=1", b"v=STSv1; id=2"]])
async def test_a_broken_record_is_no_policy_and_told(domain: Domain, records: list[bytes]) -> None:
    domain.texts.say(*records)
    found = await domain.look_up()
    assert (found.status, found.policy) == (StsStatus.NONE, None)
    assert found.detail == explain_record(records)
    assert found.notice is not None
    assert found.notice.id == "mta_sts_broken"


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMEOUT, Status.BOGUS])
async def test_a_failing_look_up_leaves_it_open(domain: Domain, status: Status) -> None:
    domain.texts.answer = Answer(RECORD, status, detail="SERVFAIL")
    assert await domain.look_up() == StsLookup(StsStatus.FAILED, detail="SERVFAIL")
    domain.texts.answer = Answer(RECORD, status)
    assert (await domain.look_up()).detail == f"the look-up of {RECORD} ended in {status.value}"


async def test_a_policy_is_fetched_and_kept_by_its_id(domain: Domain) -> None:
    domain.publish("1", TEXT)
    assert await domain.look_up() == StsLookup(StsStatus.VALID, "1", POLICY)
    domain.clock.now += DAY - 1
    assert await domain.look_up() == StsLookup(StsStatus.VALID, "1", POLICY)
    assert domain.fetches == 1


async def test_a_new_id_is_fetched_at_once(domain: Domain) -> None:
    domain.publish("1", TEXT)
    await domain.look_up()
    domain.publish("2", OTHER)
    found = await domain.look_up()
    assert (found.status, found.id, found.policy) == (StsStatus.VALID, "2", OTHER_POLICY)


async def test_the_same_id_is_fetched_again_after_a_day_and_renews_the_policy(domain: Domain) -> None:
    domain.publish("1", TEXT)
    for _ in range(10):
        assert (await domain.look_up()).policy == POLICY
        domain.clock.now += DAY + 1
    assert domain.fetches == 10


@pytest.mark.parametrize(
    "answer",
    [
        respond(status=404),
        redirect(f"https://mta-sts.{D}/elsewhere.txt", 301),
        respond(b"version: STSv1"),
        respond(TEXT + b"x: " + b"y" * 65_536),
        respond(b"\x1f\x8b", "Content-Encoding: gzip"),
    ],
)
async def test_a_policy_that_cannot_be_had_fails(domain: Domain, answer: bytes) -> None:
    domain.publish("1", TEXT)
    domain.world.site.pages[URL] = answer
    domain.world.site.pages[f"https://mta-sts.{D}/elsewhere.txt"] = respond(TEXT)
    found = await domain.look_up()
    assert (found.status, found.id, found.policy, found.is_cached) == (StsStatus.FAILED, "1", None, False)
    assert (found.detail or "").startswith(f"{URL}: ")
    assert found.notice is not None
    assert found.notice.id == "mta_sts_broken"
    assert domain.fetches == 1


async def test_a_failed_fetch_is_tried_again_after_five_minutes_or_with_a_new_id(domain: Domain) -> None:
    domain.publish("1", b"")
    first = await domain.look_up()
    domain.clock.now += 299
    assert await domain.look_up() == first
    assert domain.fetches == 1
    domain.clock.now += 2
    await domain.look_up()
    assert domain.fetches == 2
    domain.publish("2", TEXT)
    assert (await domain.look_up()).policy == POLICY
    domain.publish("1", OTHER)
    assert (await domain.look_up()).policy == OTHER_POLICY


@pytest.mark.parametrize("names", [[f"www.{D}"], [D], [f"*.mta-sts.{D}"]])
async def test_the_certificate_must_name_the_policy_host(authority: Authority, names: list[str]) -> None:
    async with world(authority, authority.issue(*names), f"mta-sts.{D}") as made:
        texts = Texts()
        texts.say(b"v=STSv1; id=1")
        made.site.pages[URL] = respond(TEXT)
        found = await MtaSts(texts, made.client).look_up(D)
        assert not made.site.requests
    assert found.status is StsStatus.FAILED
    assert "the certificate does not verify" in (found.detail or "")


@pytest.mark.parametrize("header", ["Content-Type: text/html", "X-None: 1"])
async def test_another_content_type_is_told(domain: Domain, header: str) -> None:
    domain.publish("1", TEXT, header)
    found = await domain.look_up()
    assert (found.status, found.policy) == (StsStatus.VALID, POLICY)
    assert found.notice is not None
    assert found.notice.id == "mta_sts_content_type"


async def test_a_kept_policy_stands_while_the_web_fails(domain: Domain) -> None:
    domain.publish("1", TEXT)
    await domain.look_up()
    domain.publish("2", TEXT)
    domain.world.site.pages[URL] = respond(status=500)
    found = await domain.look_up()
    assert (found.status, found.id, found.policy, found.is_cached) == (StsStatus.VALID, "1", POLICY, True)
    assert found.detail == f"{URL}: the server answered with status 500"
    assert found.notice is not None
    assert found.notice.id == "mta_sts_broken"


async def test_a_kept_policy_stands_while_the_name_servers_fail(domain: Domain) -> None:
    domain.publish("1", TEXT)
    await domain.look_up()
    domain.texts.answer = Answer(RECORD, Status.TIMEOUT, detail="no answer")
    assert await domain.look_up() == StsLookup(StsStatus.VALID, "1", POLICY, "no answer", is_cached=True)


async def test_a_withdrawn_record_leaves_the_policy_to_its_end(domain: Domain) -> None:
    domain.publish("1", TEXT)
    await domain.look_up()
    domain.texts.answer = Answer(RECORD, Status.NO_NAME)
    domain.clock.now += POLICY.max_age - 1
    found = await domain.look_up()
    assert (found.status, found.policy, found.is_cached) == (StsStatus.VALID, POLICY, True)
    assert found.detail == f"there is no TXT record at {RECORD} any more"
    assert found.notice is not None
    assert found.notice.id == "mta_sts_weakened"
    domain.clock.now += 1
    assert await domain.look_up() == StsLookup(StsStatus.NONE)


def in_mode(mode: str, max_age: int = 86400) -> bytes:
    return TEXT.replace(b"mode: enforce", f"mode: {mode}".encode()).replace(
        f"max_age: {POLICY.max_age}".encode(), f"max_age: {max_age}".encode()
    )


@pytest.mark.parametrize("mode", ["testing", "none"])
async def test_a_policy_that_promises_less_before_its_time_is_told_until_then(
    domain: Domain, mode: str
) -> None:
    assert POLICY.mode is StsMode.ENFORCE
    domain.publish("1", TEXT)
    assert (await domain.look_up()).notice is None
    domain.publish("2", in_mode(mode))
    for _ in range(2):  # when it is fetched, and from the cache
        found = await domain.look_up()
        assert found.policy is not None
        assert found.policy.mode == mode
        assert found.notice is not None
        assert found.notice.id == "mta_sts_weakened"
        assert (found.notice.kind, found.notice.severity) == (Kind.DOWNGRADE, Severity.WARNING)
        assert f"its mode is now {mode}" in found.notice.summary
    domain.publish("3", in_mode(mode))
    again = await domain.look_up()
    assert again.notice is not None, "a third policy does not make good what the second took back"
    domain.publish("4", TEXT)
    assert (await domain.look_up()).notice is None, "promised again"


async def test_a_policy_may_promise_less_when_the_old_one_is_over(domain: Domain) -> None:
    domain.publish("1", TEXT)
    await domain.look_up()
    domain.clock.now += POLICY.max_age + 1
    domain.publish("2", in_mode("testing"))
    assert (await domain.look_up()).notice is None


async def test_mode_none_may_be_withdrawn_without_a_word(domain: Domain) -> None:
    domain.publish("1", b"version: STSv1\nmode: none\nmax_age: 86400\n")
    found = await domain.look_up()
    assert found.policy == StsPolicy(StsMode.NONE, (), DAY)
    domain.texts.answer = Answer(RECORD, Status.NO_NAME)
    assert (await domain.look_up()).notice is None


async def test_a_policy_past_its_end_is_fetched_again(domain: Domain) -> None:
    domain.publish("1", TEXT.replace(b"604800", b"60"))
    await domain.look_up()
    domain.clock.now += 60
    domain.world.site.pages[URL] = respond(status=404)
    found = await domain.look_up()
    assert (found.status, found.policy) == (StsStatus.FAILED, None)


async def test_a_store_can_hold_the_policies(domain: Domain) -> None:
    cache = MemoryCache()
    domain.publish("1", TEXT)
    await MtaSts(domain.texts, domain.world.client, cache=cache, clock=domain.clock).look_up(D)
    assert await cache.get(D) == KeptPolicy(POLICY, "1", domain.clock.now)
    domain.world.site.pages[URL] = respond(status=404)
    later = MtaSts(domain.texts, domain.world.client, cache=cache, clock=domain.clock)
    assert await later.look_up(D) == StsLookup(StsStatus.VALID, "1", POLICY)


async def test_the_memory_is_bounded() -> None:
    cache = MemoryCache(max_kept=2)
    for name in ("a", "b", "a", "c"):
        await cache.put(name, KeptPolicy(POLICY, name, 0.0))
    assert [await cache.get(name) is not None for name in ("a", "b", "c")] == [True, False, True]
