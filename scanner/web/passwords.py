"""Checks passwords against bcrypt hashes: off the loop, few at once, and each right one only once."""

import asyncio
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256

import bcrypt

AT_ONCE = 2
"""Passwords that are hashed at once: each takes a core for a tenth of a second, or as the hashes say."""
MOST_WAITING = 20
"""Further ones are turned away: who guesses passwords shall not cost more than these."""
MOST_KNOWN = 256
"""Answers that are remembered, right and wrong ones."""
LONGEST = 72
"""Octets that bcrypt looks at; a longer password is no password here."""
_NOBODY = b"$2b$10$abcdefghijklmnopqrstuuJEOJ0QHoSCoGhWgUvMg5BxcLVzCy0G2"
"""A hash for names that nobody has, so that these take as long."""


class TooBusyError(Exception):
    """There are too many passwords to check."""


class Passwords:
    """Knows users by name and hash. What is remembered of a password is a keyed hash that dies with us."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = {name: hashed.encode() for name, hashed in users.items()}
        self._secret = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, bool] = OrderedDict()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobody = max(self._users.values(), key=_cost_of, default=_NOBODY)

    async def check(self, name: str, password: bytes) -> bool:
        """Tell whether a password is right.

        Raises:
            TooBusyError: too many others wait for the same.
        """
        text = name.encode("utf-8", "surrogateescape")
        mark = hmac.digest(self._secret, len(text).to_bytes(4) + text + password, sha256)
        known = self._known.get(mark)
        if known is not None:
            self._known.move_to_end(mark)
            return known
        if self._waiting >= MOST_WAITING:
            raise TooBusyError
        self._waiting += 1
        try:
            async with self._places:
                is_right = await asyncio.to_thread(self._compare, name, password)
        finally:
            self._waiting -= 1
        self._known[mark] = is_right
        while len(self._known) > MOST_KNOWN:
            self._forget()
        return is_right

    def _forget(self) -> None:
        """Forget a wrong password first: guesses must not push the right ones out."""
        wrong = next((mark for mark, is_right in self._known.items() if not is_right), None)
        if wrong is None:
            self._known.popitem(last=False)
        else:
            del self._known[wrong]

    def _compare(self, name: str, password: bytes) -> bool:
        hashed = self._users.get(name)
        try:
            is_right = bcrypt.checkpw(password[:LONGEST], hashed or self._nobody)
        except ValueError:  # a NUL in the password, or a hash of no use
            return False
        return is_right and hashed is not None and len(password) <= LONGEST


def _cost_of(hashed: bytes) -> int:
    return int(hashed[4:6])
