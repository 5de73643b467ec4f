"""The routes for other programs: where to scrape (HTTP SD), and the schema of a record."""

import re

from fastapi import APIRouter, Request, Response

from scanner.model.record import schema
from scanner.model.shard import Shard
from scanner.web.answers import tagged_answer
from scanner.web.monitor import Watched
from scanner.web.schemas import described

_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?")
_PORTS = {"http": 80, "https": 443}

routes = APIRouter(prefix="/api/v1", tags=["discovery"])


@routes.get(
    "/sd",
    summary="Where Prometheus finds this service",
    responses=described(
        "ServiceDiscovery", "One group for each shard where shards.addresses is set, else this instance alone"
    ),
)
async def service_discovery(request: Request, monitor: Watched) -> Response:
    """Without shards the address is the one that this was asked at, so that whoever asks can scrape it."""
    place = request.headers.get("host", "")
    scheme = request.url.scheme if request.url.scheme in _PORTS else "http"
    found = _PLACE.fullmatch(place)
    if found is None:
        host, port = request.scope.get("server") or ("localhost", None)
        place = f"[{host}]" if ":" in host else host
        place = place if port is None else f"{place}:{port}"
    elif found[2] is None:
        place = f"{place}:{_PORTS[scheme]}"
    shard = monitor.shard or Shard()
    found_at = dict(enumerate(monitor.places, 1)) or {shard.index: place}
    groups = [
        {
            "targets": [place],
            "labels": {
                "__scheme__": scheme,
                "__meta_mailport_shard": f"{number}/{shard.count}",
                "__meta_mailport_version": monitor.version,
            },
        }
        for number, place in found_at.items()
    ]
    return tagged_answer(request, groups)


@routes.get(
    "/shard", summary="Which shard this is", responses=described("Shard", "Its number, and all of them")
)
async def shard(request: Request, monitor: Watched) -> Response:
    """A service without shards is the first of one."""
    ours = monitor.shard or Shard()
    return tagged_answer(
        request, {"shard": ours.index, "shards": ours.count, "addresses": list(monitor.places)}
    )


@routes.get(
    "/schema/record",
    summary="The JSON Schema of a record",
    response_class=Response,
    responses=described("JsonSchema", "JSON Schema, draft 2020-12", media_type="application/schema+json"),
)
async def record_schema(request: Request) -> Response:
    """What every observation obeys, here and in the output of `mailport scan`."""
    return tagged_answer(request, schema(), media_type="application/schema+json")
