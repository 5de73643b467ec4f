"""When name servers count as silent for every name, what look-ups do then, and how that ends."""

import asyncio
import time

import dns.flags
import dns.message
import dns.name
import pytest

from scanner.network import Resolver
from scanner.network.answer import Answer, MxRecord, Status
from scanner.network.dns_lookup import FAILURE_TTL
from scanner.network.dns_servers import (
    LAST_FOR,
    PAUSE_SECONDS,
    SILENCE_SECONDS,
    SILENT_NAMES,
    Place,
    Servers,
)
from scanner.network.resolver import NO_ANSWER
from tests.network.name_servers import Clock, Reply, Script, Scripted, records_of, reply_to, scripted

FOUND = (MxRecord(10, "mx.test"),)
TIMEOUT = 0.2
AT_ONCE = "silent for every name"


def good(query: dns.message.Message, _: bool) -> Reply:
    return records_of(query, 900, "10 mx.test.")


def silent(query: dns.message.Message, _: bool) -> Reply:
    return None


def silent_for_dead(query: dns.message.Message, by_tcp: bool) -> Reply:
    name = query.question[0].name
    if name == dns.name.root:
        return reply_to(query, rcode=5)
    return None if name.to_text().startswith("dead") else good(query, by_tcp)


async def ask(resolver: Resolver, word: str, count: int) -> list[Answer[MxRecord]]:
    return await asyncio.gather(*(resolver.mx(f"{word}{number}.test") for number in range(count)))


async def go_silent(server: Scripted, place: Place, clock: Clock) -> Resolver:
    """Let the resolver find out that its only server is silent, after it knew a.test."""
    resolver = Resolver([place], timeout=TIMEOUT, clock=clock)
    server.script = good
    await resolver.mx("a.test")
    server.script = silent
    clock.now += 1000
    await ask(resolver, "first", SILENT_NAMES)
    server.queries.clear()
    return resolver


def statuses(answers: list[Answer[MxRecord]]) -> set[Status]:
    return {answer.status for answer in answers}


async def test_silent_names_of_a_server_that_works_harm_no_other_name() -> None:
    async with scripted(silent_for_dead) as (_, place):
        resolver = Resolver([place], timeout=TIMEOUT, clock=Clock())
        dead, alive = await asyncio.gather(ask(resolver, "dead", 40), ask(resolver, "good", 1))
        assert statuses(dead) == {Status.TIMEOUT}
        assert statuses(alive) == {Status.FOUND}
        # It is those names' own servers that are silent, and not ours.
        assert not any(str(answer.detail).startswith(NO_ANSWER) for answer in dead)
        assert statuses(await ask(resolver, "good", 40)) == {Status.FOUND}


async def test_silent_names_alone_are_told_from_a_silent_server() -> None:
    clock = Clock()
    async with scripted(silent_for_dead) as (server, place):
        resolver = Resolver([place], timeout=TIMEOUT, clock=clock)
        for number in range(SILENT_NAMES + 2):
            await resolver.mx(f"dead{number}.test")
            clock.now += LAST_FOR / 2
        roots = sum(query.question[0].name == dns.name.root for query in server.queries)
        assert roots == (SILENT_NAMES + 2) / 2  # what it said lately is not asked for again
        assert statuses(await ask(resolver, "good", 4)) == {Status.FOUND}


WORDS: dict[str, Script] = {
    "refused": lambda query, _: reply_to(query, rcode=5),
    "nonsense": lambda query, _: reply_to(query).to_wire()[:-20],
    "truncated": lambda query, by_tcp: b"" if by_tcp else reply_to(query, flags=dns.flags.TC),
}


@pytest.mark.parametrize("word", WORDS)
async def test_any_word_about_the_root_is_no_silence(word: str) -> None:
    def script(query: dns.message.Message, by_tcp: bool) -> Reply:
        return WORDS[word](query, by_tcp) if query.question[0].name == dns.name.root else None

    async with scripted(script) as (_, place):
        resolver = Resolver([place], timeout=TIMEOUT, clock=(clock := Clock()))
        await ask(resolver, "dead", SILENT_NAMES * 2)
        clock.now += PAUSE_SECONDS
        answers = await ask(resolver, "dead", SILENT_NAMES * 2)
        assert not any(NO_ANSWER in str(answer.detail) for answer in answers)


async def test_look_ups_fail_at_once_while_a_silence_is_new() -> None:
    clock = Clock()
    async with scripted(silent) as (server, place):
        resolver = await go_silent(server, place, clock)
        answers = await ask(resolver, "next", 50)
        assert server.queries == []
        assert all(AT_ONCE in str(answer.detail) for answer in answers)
        assert {(answer.status, answer.ttl) for answer in answers} == {(Status.TIMEOUT, 0)}  # not remembered
        old = await resolver.mx("a.test")
        assert (old.records, old.is_stale, old.ttl) == (FOUND, True, 0)


async def test_all_go_on_in_one_round_when_the_servers_are_back() -> None:
    clock = Clock()
    async with scripted(silent) as (server, place):
        resolver = await go_silent(server, place, clock)
        server.script = good
        clock.now += PAUSE_SECONDS
        assert statuses(await ask(resolver, "next", 50)) == {Status.FOUND}


async def test_all_wait_for_one_trial_and_fail_with_it() -> None:
    clock = Clock()
    async with scripted(silent) as (server, place):
        resolver = await go_silent(server, place, clock)
        clock.now += PAUSE_SECONDS
        begun = time.monotonic()
        answers = await ask(resolver, "next", 50)
        assert time.monotonic() - begun < 2
        assert statuses(answers) == {Status.TIMEOUT}
        assert sum(AT_ONCE in str(answer.detail) for answer in answers) == 49
        assert len(server.queries) == 3  # one name twice, and the root


async def test_another_look_up_tries_where_the_one_that_tries_is_given_up() -> None:
    clock = Clock()
    async with scripted(silent) as (_, place):
        servers = Servers([place], rate=0, clock=clock)
        for number in range(SILENT_NAMES):
            servers.note_silence(f"n{number}.test")
        clock.now += PAUSE_SECONDS
        out: list[str] = []
        go_on = asyncio.Event()

        async def look_up(name: str) -> None:
            async with servers.admit() as is_admitted:
                assert is_admitted
                out.append(name)
                await go_on.wait()

        tasks = [asyncio.create_task(look_up(name)) for name in ("one", "two", "three")]
        await settle()
        assert out == ["one"]
        tasks[0].cancel()
        await settle()
        assert out == ["one", "two"]
        servers.note_answer(servers.in_order()[0])
        go_on.set()
        await asyncio.gather(*tasks[1:])
        assert out == ["one", "two", "three"]


async def test_look_ups_from_before_do_not_end_a_trial() -> None:
    clock = Clock()
    servers = Servers([("127.0.0.1", 53)], rate=0, clock=clock)
    async with servers.admit() as is_admitted:
        assert is_admitted
        for number in range(SILENT_NAMES):
            servers.note_silence(f"n{number}.test")
        clock.now += PAUSE_SECONDS
        trial = servers.admit()
        assert await trial.__aenter__()
    waiting = asyncio.create_task(servers.admit().__aenter__())
    await settle()
    assert not waiting.done()
    servers.note_silence("trial.test")
    await trial.__aexit__(None, None, None)
    assert not await waiting


async def test_silences_long_apart_do_not_add_up() -> None:
    clock = Clock()
    servers = Servers([("127.0.0.1", 53)], rate=0, clock=clock)
    for number in range(SILENT_NAMES * 2):
        servers.note_silence(f"n{number}.test")
        clock.now += SILENCE_SECONDS
    servers.note_silence("last.test")
    async with servers.admit() as is_admitted:
        assert is_admitted


async def test_an_old_silence_holds_nobody_back() -> None:
    clock = Clock()
    async with scripted(silent) as (server, place):
        resolver = await go_silent(server, place, clock)
        clock.now += SILENCE_SECONDS
        await ask(resolver, "next", SILENT_NAMES - 1)
        assert len(server.queries) == 3 * (SILENT_NAMES - 1)  # each went out by itself


async def test_one_silent_name_says_nothing_about_the_others() -> None:
    clock = Clock()
    async with scripted(silent) as (server, place):
        resolver = Resolver([place], timeout=0.1, clock=clock)
        for _ in range(SILENT_NAMES + 1):
            await resolver.mx("s.test")
            clock.now += FAILURE_TTL - 1
            resolver.expire()
        server.script = good
        assert (await resolver.mx("b.test")).records == FOUND


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)
