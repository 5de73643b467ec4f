"""A real Prometheus scrapes the exposition: streamed, compressed OpenMetrics, each detail of it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import uvloop
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scanner.config.metrics_settings import Detail
from scanner.metrics import Exposition, full
from scanner.web import bind, create_app, serve_http
from tests.metrics.samples import CERTIFICATE, GOOD, SUBMISSION, at
from tests.servers.prometheus import Prometheus, ScrapeJob, StartPrometheus, get_text
from tests.web.service import FakeService

ENDPOINTS = 300
AWKWARD = 'CN="quoted" \\ back,O=two\nlines,L=Zürich 北京'


@dataclass
class Overheard:
    """Passes requests on, and keeps the headers of the answers."""

    app: ASGIApp
    answers: list[Headers] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def listen(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.answers.append(Headers(raw=message["headers"]))
            await send(message)

        await self.app(scope, receive, listen)


@dataclass
class Served:
    """An exposition behind a real server on a loop of its own."""

    address: str
    overheard: Overheard
    exposition: Exposition
    loop: asyncio.AbstractEventLoop
    detail: Detail = Detail.FULL

    def change(self, action: Any, *arguments: object) -> None:
        """Do something where the exposition lives, and wait for it."""

        async def do() -> None:
            action(*arguments)

        asyncio.run_coroutine_threadsafe(do(), self.loop).result(10)


@contextmanager
def served() -> Iterator[Served]:
    loop = uvloop.new_event_loop()
    service = FakeService(seen=())
    overheard = Overheard(create_app(service))
    sock = bind("127.0.0.1:0")
    place = Served(f"127.0.0.1:{sock.getsockname()[1]}", overheard, service.exposition, loop)
    service.exposition = Exposition(registry=service.registry, detail=lambda: place.detail)
    place.exposition = service.exposition
    for number in range(ENDPOINTS):
        place.exposition.accept(replace(GOOD, endpoint=at(f"mx{number}.test")))
    place.exposition.accept(replace(GOOD, certificate=replace(CERTIFICATE, subject=AWKWARD)))
    stopping = asyncio.Event()

    async def serve() -> None:
        async with serve_http(overheard, sock):
            await stopping.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield place
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(20)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def count(prometheus: Prometheus, promql: str, wanted: int) -> None:
    prometheus.wait_for(promql, lambda found: [sample.value for sample in found] == [wanted])


def test_prometheus_takes_every_line_as_openmetrics(start_prometheus: StartPrometheus) -> None:
    with served() as place:
        prometheus = start_prometheus([ScrapeJob("mailport", [place.address])])
        count(prometheus, "count(mailport_probe_success == 1)", ENDPOINTS + 1)

        answer = place.overheard.answers[-1]
        assert answer["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        assert answer["content-encoding"] == "gzip"
        assert "content-length" not in answer  # it was streamed
        lines = place.exposition.render(openmetrics=True).splitlines()
        (scraped,) = prometheus.query("scrape_samples_scraped")
        assert scraped.value == sum(not line.startswith(b"#") for line in lines)

        (certificate,) = prometheus.query(f'mailport_certificate_info{{host="{SUBMISSION.host}"}}')
        assert certificate.labels["subject"] == AWKWARD
        count(prometheus, f'count({full.HISTOGRAM}_bucket{{le="+Inf"}} == 1)', ENDPOINTS + 1)
        (slow,) = prometheus.query(f"histogram_quantile(0.5, sum by (le) ({full.HISTOGRAM}_bucket))")
        assert 0.1 < slow.value < 0.25
        known = json.loads(get_text(f"{prometheus.url}/api/v1/metadata"))["data"]
        assert known["mailport_tls_version"][0]["type"] == "info"
        assert known[full.HISTOGRAM][0] == {
            "type": "histogram",
            "help": full.DOCUMENTATION,
            "unit": "seconds",
        }
        assert known["mailport_phase_duration_seconds"][0]["unit"] == "seconds"


def test_what_is_removed_or_not_shown_any_more_is_gone_in_prometheus_too(
    start_prometheus: StartPrometheus,
) -> None:
    with served() as place:
        prometheus = start_prometheus([ScrapeJob("mailport", [place.address])])
        count(prometheus, "count(mailport_endpoint_level)", ENDPOINTS + 1)

        place.change(place.exposition.remove, SUBMISSION.key)
        count(prometheus, "count(mailport_endpoint_level)", ENDPOINTS)
        assert prometheus.query(f'{{host="{SUBMISSION.host}"}}') == []

        place.change(setattr, place, "detail", Detail.MINIMAL)
        prometheus.wait_for("mailport_endpoint_state", lambda found: not found)
        count(prometheus, "count(mailport_endpoint_level)", ENDPOINTS)
        assert prometheus.query(f"{full.HISTOGRAM}_count") == []


@pytest.mark.parametrize("detail", list(Detail))
def test_prometheus_likes_every_detail(detail: Detail, start_prometheus: StartPrometheus) -> None:
    with served() as place:
        place.detail = detail
        prometheus = start_prometheus([ScrapeJob("mailport", [place.address])])
        prometheus.wait_for("up == 1")
        assert [target["lastError"] for target in prometheus.targets()] == [""]
