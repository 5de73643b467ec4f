"""A shard: one of several processes that share the endpoints of one list of targets."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scanner.model.jump_hash import jump_hash
from scanner.model.target import quote

MOST_SHARDS = 1000
_TEXT = re.compile(r"([0-9]{1,5})/([0-9]{1,5})")
_ORDINAL = re.compile(r".*-([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Shard:
    """Number `index` (from 1 on) of `count` shards."""

    index: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count <= MOST_SHARDS:
            raise ValueError(
                f"there is no shard {self}: shards are 1/N to N/N, and N is {MOST_SHARDS} at most"
            )

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def has(self, name: str) -> bool:
        """Tell whether a host, or a domain's own findings, belong to this shard."""
        return self.number_of(name) == self.index

    def number_of(self, name: str) -> int:
        """Return the number of the shard that a name belongs to, from 1 on."""
        return 1 if self.count == 1 else jump_hash(name, self.count) + 1


def read_shard(text: str) -> Shard:
    """Read I/N, such as 2/3 for the second of three.

    Raises:
        ValueError: it is none; the text says what is wrong and how to write it.
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"{quote(text)} is no shard; write I/N, for example 2/3 for the second of three")
    index, count = int(found[1]), int(found[2])
    if count == 0:
        raise ValueError(f"{quote(text)}: there are no 0 shards; write I/N with how many there are, as 1/2")
    if index == 0:
        raise ValueError(f"{quote(text)}: shards are counted from 1 on; the first is 1/{count}")
    if index > count:
        raise ValueError(f"{quote(text)}: there is no shard {index} of {count}; the last is {count}/{count}")
    return Shard(index, count)


def find_shard(option: str | None, environ: Mapping[str, str], host_name: str) -> Shard | None:
    """Return which shard this process is; None where it is the only one.

    The option counts first, then MAILPORT_SHARD (I/N), then MAILPORT_SHARDS (N) with the number at the end of
    the host name, as the pods of a StatefulSet have it: mailport-0 is the first.

    Raises:
        ValueError: what is set makes no sense; the text names what set it.
    """
    if option is not None:
        return _named("--shard", read_shard, option)
    if text := environ.get("MAILPORT_SHARD"):
        return _named("MAILPORT_SHARD", read_shard, text)
    if text := environ.get("MAILPORT_SHARDS"):
        return _named("MAILPORT_SHARDS", lambda count: _read_ordinal(count, host_name), text)
    return None


def _read_ordinal(text: str, host_name: str) -> Shard:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:5]) <= MOST_SHARDS and len(text) <= 5):
        raise ValueError(f"{quote(text)} is no number of shards; write 1 to {MOST_SHARDS}")
    found = _ORDINAL.fullmatch(host_name.partition(".")[0])
    if found is None:
        raise ValueError(
            f"the host name {quote(host_name)} has no number at its end, as mailport-0 has; "
            f"say which of {text} this one is by MAILPORT_SHARD=I/{text}"
        )
    if int(found[1]) >= int(text):
        raise ValueError(
            f"the host name {quote(host_name)} is that of shard {int(found[1]) + 1}, and there are {text}; "
            "set MAILPORT_SHARDS to the number of replicas"
        )
    return Shard(int(found[1]) + 1, int(text))


def _named(where: str, read: Callable[[str], Shard], text: str) -> Shard:
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
