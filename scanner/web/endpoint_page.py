"""The page of an endpoint: the last probe in full, its past, and a probe that was just asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scanner.model import Observation
from scanner.model.endpoint_id import write_id
from scanner.model.event import Event
from scanner.web.asked import Probed
from scanner.web.endpoint_view import detail_of
from scanner.web.grafana import link_endpoint
from scanner.web.plot import plot_latency
from scanner.web.render import render
from scanner.web.vantage_rows import list_vantages

MOST_EVENTS = 30
"""Of the endpoint, the newest first; the API has the others."""
MOST_READ = 200
"""Of its host, from which they are picked."""
MOST_PROBES = 300
"""In the plot: a day of probes five minutes apart."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of an endpoint's past, or why it is not; both notes are for a person."""

    history: Sequence[Observation] = ()
    history_note: str = "The plot begins with the second probe."
    events: Sequence[Event] = ()
    events_note: str = "Nothing has changed since it is watched."


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands round the page, whatever endpoint it is about."""

    version: str
    grafana: str | None = None
    others: Sequence[Observation] = ()
    """What other vantages saw of the endpoint."""


def render_endpoint(
    frame: Frame,
    seen: Observation,
    past: Past,
    now: datetime,
    probed: Probed | None = None,
    notice: str = "",
) -> str:
    """Return the page of an endpoint; `notice` says why there is no probe that was asked for."""
    key = seen.endpoint.key
    events = [event for event in past.events if event.key == key]
    return render(
        "endpoint.html",
        monitor=frame,
        now=now,
        dashboard=link_endpoint(frame.grafana, seen.endpoint),
        id=write_id(key),
        detail=detail_of(seen, now),
        vantages=list_vantages(seen, frame.others, now),
        plot=plot_latency(past.history),
        history_note=past.history_note,
        events=events[::-1][:MOST_EVENTS],
        events_note=past.events_note,
        probed=probed,
        notice=notice,
    )
