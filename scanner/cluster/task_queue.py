"""The queue of tasks as a scheduler has it: only whoever leads writes to it."""

from collections.abc import Iterable
from typing import Any

from redis.exceptions import RedisError, ResponseError
from taskiq import BrokerMessage

from scanner.cluster.stream import GROUP, Stream

LONE = "-"
"""Whose a queue is that belongs to no shard."""
MOST_TAKEN = 100_000
"""Messages that workers have: far more than there can be."""
OWNER_SECONDS = 10.0
"""How long a queue is somebody's who does not tell it again."""
_LOOK = """
local function rival(mark, own)
    local found = own ~= '' and redis.call('GET', mark)
    if found and string.match(found, '^[^/]*') ~= string.match(own, '^[^/]*') then return found end
end
"""
"""Whose the queue is where it is not ours. Of a shard only its number counts, not how many there are."""
_CLAIM = f"""{_LOOK}
local token, own, life = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local other = rival(KEYS[2], own)
if other then return {{other, redis.call('PTTL', KEYS[2])}} end
if token > 0 then
    if tonumber(redis.call('GET', KEYS[1]) or '0') > token then return 0 end
    redis.call('SET', KEYS[1], ARGV[1])
end
if own ~= '' then redis.call('SET', KEYS[2], own, 'PX', life) end
return 1
"""
_LEAVE = f"""{_LOOK}
local highest = tonumber(redis.call('GET', KEYS[1]) or '0')
if highest > tonumber(ARGV[1]) or rival(KEYS[2], ARGV[2]) then return 0 end
return redis.call('DEL', KEYS[2])
"""
_SEND = f"""{_LOOK}
local token, life, other = tonumber(ARGV[1]), tonumber(ARGV[4]), rival(KEYS[3], ARGV[5])
if other then return {{other, redis.call('PTTL', KEYS[3])}} end
if token > 0 then
    local highest = tonumber(redis.call('GET', KEYS[1]) or '0')
    if highest > token then return false end
    redis.call('SET', KEYS[1], ARGV[1])
end
redis.call('XADD', KEYS[2], '*', 'data', ARGV[2])
if life > 0 then redis.call('PEXPIRE', KEYS[2], life) end
local pending = redis.pcall('XPENDING', KEYS[2], ARGV[3])
if pending.err then return -1 end
return math.max(0, redis.call('XLEN', KEYS[2]) - pending[1])
"""
"""The fencing and the sending in one step, and how many messages nobody has read yet; -1 = not to be told."""


_TAKE_BACK = """
local gone = {}
for place = 2, #ARGV do
    local taken = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[place], ARGV[place], 1)
    if not taken.err and #taken == 0 and redis.call('XDEL', KEYS[1], ARGV[place]) == 1 then
        gone[#gone + 1] = ARGV[place]
    end
end
return gone
"""


class ClosedError(RedisError):
    """Whoever sends with a lower number than another one sends nothing."""


class OwnedError(RedisError):
    """The queue is another scheduler's, which is another shard or none, for so many seconds at least."""

    def __init__(self, owner: str, left: float) -> None:
        super().__init__(f"the queue is that of {owner}")
        self.owner = owner
        self.left = left


class TaskQueue(Stream):
    """The tasks of a vantage. Every message is sent with the number of its sender's term."""

    owner = ""
    """Whose the queue is where it is ours: a shard, or `LONE`; nothing = nobody is to be kept away."""
    _token = 0
    unread: int | None = None
    """How many messages nobody had read yet when the last one was sent; None = not known.

    Since nobody else sends, there are no more of them until the next one is.
    """

    async def leave_taken(self) -> dict[str, str]:
        """Remove what nobody has read yet; return the texts of what is with somebody, by their numbers."""
        await self._declare_consumer_group()
        found: Any = await self._client.xrange(self.queue_name)
        texts = {number.decode(): fields.get(b"data", b"") for number, fields in found}
        taken = await self.taken()
        unread = texts.keys() - taken.keys()
        if unread:
            await self._client.xdel(self.queue_name, *unread)
        # Asked again: one of these may have been read just before it was removed.
        return {number: texts.get(number, b"").decode("utf-8", "replace") for number in await self.taken()}

    async def taken(self) -> dict[str, float]:
        """Return since how many seconds each message is with whoever has it, by their numbers."""
        try:
            found: Any = await self._client.xpending_range(
                self.queue_name, GROUP, min="-", max="+", count=MOST_TAKEN
            )
        except ResponseError:  # the broker has come back without what it knew
            return {}
        return {one["message_id"].decode(): one["time_since_delivered"] / 1000 for one in found}

    async def take_back(self, words: Iterable[str]) -> frozenset[str]:
        """Remove each message with one of these words in it that nobody has read; return their words."""
        taken = await self.taken()
        found: Any = await self._client.xrange(self.queue_name)
        wanted = {
            number: word
            for number, fields in found
            for word in words
            if number.decode() not in taken and word.encode() in fields.get(b"data", b"")
        }
        if not wanted:
            return frozenset()
        # In one step: else it may be read just before it is removed.
        gone: Any = await self._client.eval(_TAKE_BACK, 1, self.queue_name, GROUP, *wanted)
        return frozenset(wanted[number] for number in gone)

    async def note(self, name: str, words: Iterable[str]) -> None:
        """Note that parts of a message need not be done, for whoever may take it over."""
        pipe = self._client.pipeline(transaction=True)
        for command in self._marks.note(name, words):
            pipe.execute_command(*command)
        await pipe.execute()

    async def claim(self, token: int) -> bool:
        """Send from now on with this number; tell whether nobody with a higher one has come since.

        Whoever has a lower one cannot send any more: a scheduler that is woken after its time was over
        finds the door closed. 0 = there is nobody else, and nothing is closed.

        Raises:
            OwnedError: the queue is that of another shard. Its door is left as it is.
        """
        self._token = token
        if not token and not self.owner:
            return True
        arguments = (token, self.owner, round(OWNER_SECONDS * 1000))
        return bool(_unless_owned(await self._client.eval(_CLAIM, 2, self._door, self._mark, *arguments)))

    async def leave(self) -> None:
        """Let others have the queue at once, where it is ours."""
        if self.owner:
            await self._client.eval(_LEAVE, 2, self._door, self._mark, self._token, self.owner)

    async def kick(self, message: BrokerMessage) -> None:
        """Send a message.

        Raises:
            ClosedError: somebody with a higher number sends.
            OwnedError: the queue is that of another shard.
        """
        self.unread = None
        keys = (self._door, self.queue_name, self._mark)
        arguments = (self._token, message.message, GROUP, self._life_ms or 0, self.owner)
        unread = _unless_owned(await self._client.eval(_SEND, len(keys), *keys, *arguments))
        if unread is None:
            raise ClosedError("another scheduler hands out work")
        self.unread = unread if unread >= 0 else None

    @property
    def _door(self) -> str:
        return f"{self.queue_name}:token"

    @property
    def _mark(self) -> str:
        return f"{self.queue_name}:owner"


def _unless_owned(found: object) -> int | None:
    """Return what a script came to.

    Raises:
        OwnedError: it tells whose the queue is.
    """
    match found:
        case [bytes() as owner, int() as left]:
            raise OwnedError(owner.decode("utf-8", "replace"), left / 1000)
        case int() as number:
            return number
    return None
