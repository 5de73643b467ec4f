"""The route of the event stream: what changes, as server-sent events, from where a client left off."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from scanner.store import StoreError
from scanner.web.hub import Hub, NoMoreStreamsError, Subscription, write_event, write_message
from scanner.web.monitor import Watched
from scanner.web.problems import problem
from scanner.web.schemas import refused
from scanner.web.shield import is_head

log = structlog.get_logger(__name__)

MOST_REPEATED = 2000
"""Events that a client which comes back is given; where there are more it is told to read them elsewhere."""
RETRY_MILLISECONDS = 3000
_LARGEST_ID = 10**18 - 1

routes = APIRouter(prefix="/api/v1", tags=["history"])

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
    **refused(400, "The id of the last event is none"),
    **refused(503, "There are too many streams, or the store does not answer"),
}
_PARAMETERS = [
    {
        "name": "Last-Event-ID",
        "in": "header",
        "required": False,
        "description": "the last id seen: the stream goes on behind it (browsers send it by themselves)",
        "schema": {"type": "integer", "minimum": 0, "maximum": _LARGEST_ID},
    },
    {
        "name": "after",
        "in": "query",
        "required": False,
        "description": "the same, for programs that begin with what /api/v1/events gave them as `next`",
        "schema": {"type": "integer", "minimum": 0, "maximum": _LARGEST_ID},
    },
]


@routes.get(
    "/events/stream",
    summary="What changes, as it happens",
    response_class=StreamingResponse,
    response_description="`hello` first, then `event`, `endpoint`, `endpoint_gone` and, seldom, `gap`",
    responses=_RESPONSES,
    openapi_extra={"parameters": _PARAMETERS},
)
async def stream(request: Request, monitor: Watched) -> Response:
    """Every event, and every endpoint whose state, reason, level or verdicts change, as server-sent events.

    Events carry an id, and a client that comes back with the last one misses none. What endpoints were
    meanwhile is to be read from /api/v1/endpoints. A client that reads too slowly is cut.
    """
    try:
        after = _read_position(request)
    except ValueError:
        return problem(400, "the id of the last event must be a whole number, as the stream gave it")
    if is_head(request.scope):
        return Response(media_type="text/event-stream")
    hub = monitor.hub
    try:
        client = await hub.join()
    except NoMoreStreamsError:
        text = f"there are {len(hub)} streams already; close one, or ask /api/v1/events now and then"
        return problem(503, text, headers={"Retry-After": "10", "Connection": "close"})
    if after is not None and client.position is None:
        hub.leave(client)
        return problem(503, "the store does not answer; the log says why", headers={"Retry-After": "10"})
    return _Stream(hub, client, after)


class _Stream(StreamingResponse):
    """The answer to one client; its subscription ends with it, however it ends."""

    def __init__(self, hub: Hub, client: Subscription, after: int | None) -> None:
        super().__init__(
            _speak(hub, client, after),
            media_type="text/event-stream",
            # A proxy that collects what it passes on would hold everything back.
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        self._hub = hub
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream to its end."""
        cut: Callable[[], None] | None = scope.get("state", {}).get("cut")
        self._client.cut = cut
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._hub.leave(self._client)


async def _speak(hub: Hub, client: Subscription, after: int | None) -> AsyncIterator[bytes]:
    last = client.position
    start = last if after is None or last is None else min(after, last)
    yield f"retry: {RETRY_MILLISECONDS}\n".encode()
    yield write_message("hello", {"next": start}, start)
    try:
        if start is not None and last is not None:
            async for message in _repeat(hub, start, last):
                yield message
    except StoreError as error:
        log.error("events_not_read", error=str(error))
        return  # the client comes back, and names the last id that it saw
    while True:
        message = await client.take(hub.pace.heartbeat_seconds)
        if message:
            yield message
        elif client.is_closed:
            return
        else:
            yield b": still here\n\n"


async def _repeat(hub: Hub, after: int, last: int) -> AsyncIterator[bytes]:
    """Yield what happened since an event, up to where the queue begins."""
    repeated = 0
    while after < last:
        found = await hub.events_between(after, last)
        if not found:
            return
        if repeated + len(found) > MOST_REPEATED:
            yield write_message("gap", {"after": after, "until": last}, last)
            return
        repeated += len(found)
        after = found[-1].id or last
        yield b"".join(map(write_event, found))
        await asyncio.sleep(0)


def _read_position(request: Request) -> int | None:
    """Return the id of the last event that the client has seen; None where it names none.

    Raises:
        ValueError: it is no id.
    """
    text = request.headers.get("last-event-id", request.query_params.get("after"))
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) <= _LARGEST_ID):
        raise ValueError(text)
    return int(text)
