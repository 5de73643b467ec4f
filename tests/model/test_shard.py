"""Which shard a name belongs to, and which shard a process is."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model.jump_hash import jump_hash
from scanner.model.shard import MOST_SHARDS, Shard, find_shard, read_shard

NAMES = [f"mx{number}.example{number % 97}.test" for number in range(20_000)]


@given(st.text(max_size=60), st.integers(1, 200))
def test_growing_moves_a_name_to_the_new_shard_or_not_at_all(name: str, count: int) -> None:
    before, after = jump_hash(name, count), jump_hash(name, count + 1)
    assert 0 <= before < count
    assert after in (before, count)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 16, 99])
def test_growing_moves_one_in_n_plus_1_and_all_have_as_much_to_do(count: int) -> None:
    moved = sum(jump_hash(name, count) != jump_hash(name, count + 1) for name in NAMES)
    fair = len(NAMES) / (count + 1)
    assert abs(moved - fair) < 5 * fair**0.5
    sizes = Counter(jump_hash(name, count + 1) for name in NAMES)
    assert len(sizes) == count + 1
    assert all(abs(size - fair) < 5 * fair**0.5 for size in sizes.values())


def test_it_is_the_same_in_every_process_and_release() -> None:
    names = ("mx.example.org", "mail.xn--bcher-kva.example", "192.0.2.1", "2001:db8::1", "")
    assert [jump_hash(name, 1000) for name in names] == KNOWN


KNOWN = [112, 406, 98, 176, 472]


def test_without_shards_there_is_no_answer() -> None:
    with pytest.raises(ValueError, match="one of 0 shards"):
        jump_hash("mx.example.org", 0)


def test_every_name_belongs_to_exactly_one_shard() -> None:
    shards = [Shard(index, 3) for index in (1, 2, 3)]
    for name in NAMES[:500]:
        (owner,) = [shard for shard in shards if shard.has(name)]
        assert owner.index == owner.number_of(name)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0/3", "counted from 1 on; the first is 1/3"),
        ("4/3", "no shard 4 of 3; the last is 3/3"),
        ("a/b", "write I/N, for example 2/3"),
        ("3", "write I/N"),
        ("-1/3", "write I/N"),
        ("1/0", "there are no 0 shards"),
        ("0/0", "there are no 0 shards"),
        ("1/1001", f"N is {MOST_SHARDS} at most"),
        ("\u0661/\u0663", "write I/N"),
        ("1/3\n", "write I/N"),
        ("", "write I/N"),
    ],
)
def test_what_is_no_shard_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="shard") as caught:
        read_shard(text)
    assert why in str(caught.value)


@pytest.mark.parametrize(("text", "shard"), [("3/3", Shard(3, 3)), ("1/1", Shard()), ("02/10", Shard(2, 10))])
def test_a_shard_is_read(text: str, shard: Shard) -> None:
    assert read_shard(text) == shard


def test_the_option_counts_before_the_environment_and_that_before_the_host_name() -> None:
    environ = {"MAILPORT_SHARD": "2/4", "MAILPORT_SHARDS": "5"}
    assert find_shard("1/3", environ, "mailport-4") == Shard(1, 3)
    assert find_shard(None, environ, "mailport-4") == Shard(2, 4)
    assert find_shard(None, {"MAILPORT_SHARDS": "5"}, "mailport-4") == Shard(5, 5)
    assert find_shard(None, {"MAILPORT_SHARDS": "5"}, "mailport-0.mailport.default.svc") == Shard(1, 5)
    assert find_shard(None, {}, "mailport-4") is None
    assert find_shard(None, {"MAILPORT_SHARD": "", "MAILPORT_SHARDS": ""}, "mailport-4") is None


@pytest.mark.parametrize(
    ("environ", "host", "why"),
    [
        ({"MAILPORT_SHARD": "4/3"}, "a", 'MAILPORT_SHARD: "4/3"'),
        ({"MAILPORT_SHARDS": "3"}, "mailport-3", "that of shard 4, and there are 3"),
        ({"MAILPORT_SHARDS": "3"}, "mailport", "no number at its end"),
        ({"MAILPORT_SHARDS": "many"}, "mailport-0", "no number of shards"),
        ({"MAILPORT_SHARDS": "0"}, "mailport-0", "no number of shards"),
        ({"MAILPORT_SHARDS": "100000"}, "mailport-0", "no number of shards"),
    ],
)
def test_a_bad_environment_is_named(environ: dict[str, str], host: str, why: str) -> None:
    with pytest.raises(ValueError, match="MAILPORT_SHARD") as caught:
        find_shard(None, environ, host)
    assert why in str(caught.value)
