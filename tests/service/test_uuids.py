"""The names of events: no two alike, each greater than the one before, whatever the clock does."""

import time
from itertools import pairwise
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from scanner.service.uuids import Uuids

_CLOCK = st.lists(st.integers(0, 2**63), min_size=1, max_size=50)


@given(_CLOCK)
def test_names_grow_whatever_the_clock_does(moments: list[int]) -> None:
    clock = iter(moments)
    uuids = Uuids(lambda: next(clock))
    names = [uuids.make() for _ in moments]
    assert all(former < later for former, later in pairwise(names))
    for name in names:
        found = UUID(name)
        assert (str(found), found.version, found.variant) == (name, 7, RFC_4122)


def test_a_name_tells_the_millisecond_and_two_processes_make_no_two_alike() -> None:
    # The example of RFC 9562, appendix A.6: 22 February 2022, 19:22:22 UTC.
    nanoseconds = 1_645_557_742 * 10**9
    names = [Uuids(lambda: nanoseconds).make() for _ in range(1000)]
    assert {name[:18] for name in names} == {"017f22e2-79b0-7000"}
    assert len(set(names)) == len(names)


def test_names_of_one_millisecond_are_many() -> None:
    uuids = Uuids(lambda: time.time_ns() // 10**9 * 10**9)
    assert len({uuids.make() for _ in range(10_000)}) == 10_000
