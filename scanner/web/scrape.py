"""The route of the scrape: streamed in pieces, so that the event loop is never held for long."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from scanner.web.monitor import Watched
from scanner.web.negotiation import OPENMETRICS, TEXT, accepts_gzip, wants_openmetrics
from scanner.web.shield import is_head

GZIP_LEVEL = 1
GZIP_WINDOW = 16 + zlib.MAX_WBITS
PACK_BYTES = 256 * 1024
"""How much is compressed and sent at once; a scrape that is not larger has a Content-Length."""
SLICE_SECONDS = 0.002
"""How long the pieces of a scrape may follow one another before others have their turn."""
SCRAPES = 8
"""Large scrapes at once. Each holds a few MB, with 100,000 endpoints, until its client has read it."""
RETRY_SECONDS = 5

routes = APIRouter(tags=["operations"])


@routes.get(
    "/metrics",
    summary="All series",
    response_class=Response,
    responses={
        200: {"content": {OPENMETRICS: {}, TEXT: {}}, "description": "The scrape"},
        503: {"content": {"text/plain": {}}, "description": "Too many large scrapes are under way"},
    },
)
async def metrics(request: Request, monitor: Watched) -> Response:
    """Everything Prometheus reads: the text format 0.0.4, or OpenMetrics 1.0 when the client prefers it."""
    gate: Gate = request.app.state.scrapes
    if gate.is_full:
        again = {"Retry-After": str(RETRY_SECONDS)}
        raise HTTPException(503, f"{SCRAPES} large scrapes are under way; try again later.", headers=again)
    is_openmetrics = wants_openmetrics(", ".join(request.headers.getlist("accept")))
    is_gzip = accepts_gzip(", ".join(request.headers.getlist("accept-encoding")))
    headers = {"Content-Type": OPENMETRICS if is_openmetrics else TEXT, "Vary": "Accept, Accept-Encoding"}
    if is_gzip:
        headers["Content-Encoding"] = "gzip"
    with ExitStack() as held:
        # From now on, not from the first piece that is sent: what is written till then costs most.
        held.enter_context(gate.passing())
        pieces = held.enter_context(closing(monitor.scrape(openmetrics=is_openmetrics)))
        packs = pack(pieces)
        first = await anext(packs, b"")
        second = await anext(packs, None)
        if second is None:
            whole = [part async for part in compress(_chain([first]))] if is_gzip else [first]
            return Response(b"".join(whole), headers=headers)
        if is_head(request.scope):
            return StreamingResponse(_chain([]), headers=headers)
        body = _chain([first, second], packs)
        return _Scrape(held.pop_all(), compress(body) if is_gzip else body, headers)


class Gate:
    """Counts the large scrapes under way."""

    def __init__(self) -> None:
        self._inside = 0

    @property
    def is_full(self) -> bool:
        """Whether there are as many as may be."""
        return self._inside >= SCRAPES

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Count one for as long as the block runs."""
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1


class _Scrape(StreamingResponse):
    """A response that counts as a scrape until its client has read it, has gone, or was cut."""

    def __init__(
        self,
        held: ExitStack,
        body: AsyncIterator[bytes],
        headers: dict[str, str],
    ) -> None:
        super().__init__(body, headers=headers)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        with self._held:
            await super().__call__(scope, receive, send)


async def pack(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Join pieces to packs worth sending; let others run whenever a slice of time is over."""
    until = time.perf_counter() + SLICE_SECONDS
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        if piece:
            waiting.append(piece)
            size += len(piece)
        if size >= PACK_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
        if time.perf_counter() >= until:
            await asyncio.sleep(0)
            until = time.perf_counter() + SLICE_SECONDS
    if waiting:
        yield b"".join(waiting)


async def compress(packs: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Compress packs in a thread, one after the other: while it computes, the loop runs on."""
    deflating = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WINDOW)
    async for raw in packs:
        packed = await asyncio.to_thread(deflating.compress, raw)
        if packed:
            yield packed
    yield deflating.flush()


async def _chain(begin: list[bytes], rest: AsyncIterator[bytes] | None = None) -> AsyncIterator[bytes]:
    for one in begin:
        yield one
    if rest is not None:
        async for one in rest:
            yield one
