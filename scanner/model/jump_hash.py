"""Jump consistent hash: which of some shards a name belongs to, the same wherever it is asked."""

from hashlib import blake2b

_ODD = 2862933555777941757
_MASK = (1 << 64) - 1
_TWO_TO_31 = float(1 << 31)


def jump_hash(name: str, count: int) -> int:
    """Return the shard of a name, 0 to `count` - 1 (Lamping and Veach, 2014).

    Of names that `count` + 1 shards share, each is where it was with `count`, or at the new one: one in
    `count` + 1 moves. Never change this: a shard that computes otherwise leaves hosts to nobody.

    Raises:
        ValueError: there is no shard at all.
    """
    if count < 1:
        raise ValueError(f"a name cannot be put on one of {count} shards")
    state = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
    shard, following = -1, 0
    while following < count:
        shard = following
        state = (state * _ODD + 1) & _MASK
        following = int((shard + 1) * (_TWO_TO_31 / ((state >> 33) + 1)))
    return shard
