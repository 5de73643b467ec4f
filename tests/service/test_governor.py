"""The governor: fewer connections at once where the machine is short, and more again when it is not."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Reason
from scanner.service.governor import CALM_SECONDS, MOST_TRIES, MOST_TRIES_ALONE, Governor, Signs, next_size
from tests.verdict.observations import healthy

SHORT = replace(healthy(25), reason=Reason.PROBE_RESOURCES)


@dataclass
class Pool:
    """A pool that takes every size."""

    workers: int = 100
    busy: int = 100
    sizes: list[int] = field(default_factory=list)

    def resize(self, concurrency: int) -> None:
        self.workers = concurrency
        self.sizes.append(concurrency)


@dataclass
class World:
    """A governor with everything that it looks at."""

    pool: Pool = field(default_factory=Pool)
    now: float = 0.0
    memory: int = 2**40
    is_behind: bool = False
    told: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.governor = Governor(
            self.pool,
            100,
            lambda: self.is_behind,
            self.told.append,
            memory=lambda: self.memory,
            clock=lambda: self.now,
        )

    def beat(self, count: int = 1, lag: float = 0.0) -> None:
        for _ in range(count):
            self.now += Governor.BEAT_SECONDS
            self.governor.beat(lag)


@pytest.fixture
def world() -> World:
    return World()


def test_all_is_left_as_it_is_where_nothing_is_short(world: World) -> None:
    world.beat(100)
    assert (world.pool.sizes, world.told) == ([], [])


def test_a_shortage_lowers_the_size_at_once_and_it_grows_again_when_all_is_calm(world: World) -> None:
    world.pool.busy = 40
    assert world.governor.look_at(SHORT) is not None
    world.beat()
    assert world.pool.workers == 30
    world.beat(int(CALM_SECONDS / Governor.BEAT_SECONDS) - 1)
    assert world.pool.workers == 30
    world.beat(30)
    assert world.pool.workers == 100
    assert world.told[0] == 30
    assert world.told[-1] == 100
    assert world.told[1:] == sorted(world.told[1:])


def test_a_probe_that_lacked_something_is_made_again_later_and_not_for_ever(world: World) -> None:
    pauses = [world.governor.look_at(SHORT) for _ in range(MOST_TRIES + 1)]
    assert pauses[-1] is None
    assert pauses[0] == 0.25
    assert pauses[:-1] == sorted(pause for pause in pauses if pause is not None)
    assert world.governor.look_at(SHORT) == 0.25  # a new probe, a new count
    assert world.governor.look_at(healthy(25)) is None
    assert world.governor.look_at(SHORT) == 0.25


def test_where_no_other_probe_can_give_anything_back_it_is_soon_over(world: World) -> None:
    world.pool.busy = 1
    pauses = [world.governor.look_at(SHORT) for _ in range(MOST_TRIES_ALONE + 1)]
    assert pauses.index(None) == MOST_TRIES_ALONE


def test_a_late_loop_lowers_the_size_to_a_share_of_the_limit(world: World) -> None:
    world.beat(100, lag=1.0)
    assert world.pool.workers == 10
    world.beat(100)
    assert world.pool.workers == 100


def test_little_memory_lowers_the_size(world: World) -> None:
    world.memory = 1024
    world.beat(4)
    assert world.pool.workers == 50
    world.beat(100)
    assert world.pool.workers < 5


def test_nothing_is_begun_while_those_who_take_the_results_have_too_much(world: World) -> None:
    world.is_behind = True
    world.beat()
    assert world.pool.workers == 0
    world.is_behind = False
    world.beat()
    assert world.pool.workers == 100
    assert world.told == []


def test_a_pool_that_works_for_ever_brings_its_own_rhythm(world: World) -> None:
    world.governor.look_at(SHORT)
    world.governor.tick()
    assert world.pool.sizes == []  # no beat is due yet
    world.now += Governor.BEAT_SECONDS
    world.governor.tick()
    assert world.pool.sizes == [75]
    world.governor.adjust(20)
    world.now += Governor.BEAT_SECONDS
    world.governor.tick()
    assert world.pool.workers == 20


@given(
    st.integers(1, 1000),
    st.builds(Signs, st.floats(0, 10), st.integers(0, 1000), st.booleans(), st.booleans(), st.booleans()),
    st.integers(1, 1000),
)
def test_the_size_is_always_between_one_and_the_limit(size: int, signs: Signs, limit: int) -> None:
    assert 1 <= next_size(min(size, limit), signs, limit) <= limit
