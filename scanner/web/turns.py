"""Turns at work that takes a while: a few at once, so that many readers cost no more memory than a few."""

import asyncio
from typing import Annotated

from fastapi import Depends, Request

AT_ONCE = 2
"""More would only take the processor from one another, and from the probes."""


class Turns:
    """Who waits for one holds nothing yet: what the service knows is read when the turn has come."""

    def __init__(self) -> None:
        self.answers = asyncio.Semaphore(AT_ONCE)
        """Of long answers of the API."""
        self.pages = asyncio.Semaphore(AT_ONCE)
        """Of pages made of what is known at once."""
        self.pasts = asyncio.Semaphore(AT_ONCE)
        """Of pages that ask the store first: while it fails, the others do not wait for it."""


def turns_of(request: Request) -> Turns:
    """Return the turns of the application that a request is for."""
    turns: Turns = request.app.state.turns
    return turns


InTurn = Annotated[Turns, Depends(turns_of)]
"""A route's parameter of this type receives the turns."""
