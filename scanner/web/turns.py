"""Turns at work that takes a while: a few at once, so that many readers cost no more memory than a few."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Annotated

from fastapi import Depends, Request

AT_ONCE = 2
"""More would only take the processor from one another, and from the probes."""


class SharedTurns:
    """Turns that all who wait for the same share: a change makes every open page ask for itself again."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._waiting: dict[Hashable, asyncio.Task[str | None]] = {}

    async def make(self, name: Hashable, make: Callable[[], Awaitable[str | None]]) -> str | None:
        """Return what `make` makes in its turn, by what is known then; `name` tells what is the same."""
        task = self._waiting.get(name)
        if task is None:
            task = self._waiting[name] = asyncio.create_task(self._make_in_turn(name, make))
        # One reader who goes away takes nothing from the others.
        return await asyncio.shield(task)

    async def _make_in_turn(self, name: Hashable, make: Callable[[], Awaitable[str | None]]) -> str | None:
        try:
            await self._places.acquire()
        finally:
            # Who comes from now on wants what is known from now on.
            del self._waiting[name]
        try:
            return await make()
        finally:
            self._places.release()


class Turns:
    """Who waits for one holds nothing yet: what the service knows is read when the turn has come."""

    def __init__(self) -> None:
        self.answers = asyncio.Semaphore(AT_ONCE)
        """Of long answers of the API."""
        self.pages = SharedTurns(asyncio.Semaphore(AT_ONCE))
        """Of pages made of what is known at once."""
        self.pasts = asyncio.Semaphore(AT_ONCE)
        """Of pages that ask the store first: while it fails, the others do not wait for it."""


def turns_of(request: Request) -> Turns:
    """Return the turns of the application that a request is for."""
    turns: Turns = request.app.state.turns
    return turns


InTurn = Annotated[Turns, Depends(turns_of)]
"""A route's parameter of this type receives the turns."""
