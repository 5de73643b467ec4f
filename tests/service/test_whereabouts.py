"""Whereabouts: the same as a walk over all endpoints would find, without the walk."""

from hypothesis import given
from hypothesis import strategies as st

from scanner.model.observation import Key
from scanner.service.whereabouts import Whereabouts

NAMES = ("mx1.example.org", "mx2.example.org", "192.0.2.7", "192.0.2.8")
KEYS: st.SearchStrategy[Key] = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(NAMES[2:]),
    st.sampled_from((25, 143, 2525)),
    st.sampled_from(("smtp", "imap")),
    st.sampled_from(("starttls", "implicit")),
)


@given(st.lists(KEYS, max_size=40))
def test_they_are_what_a_walk_over_all_endpoints_would_find(keys: list[Key]) -> None:
    watched: set[Key] = set()
    whereabouts = Whereabouts()
    for key in keys:
        if key in watched:
            watched.remove(key)
            whereabouts.remove(key)
        else:
            watched.add(key)
            whereabouts.add(key)
        for name in NAMES:
            ports = {each[2] for each in watched if name in each[:2]}
            assert (name in whereabouts) == bool(ports)
            for port in (25, 143, 2525, 7, None):
                assert whereabouts.has_port(name, port) == (port in ports)
    for key in watched:
        whereabouts.remove(key)
    assert not whereabouts._ports, "nothing stays behind"
