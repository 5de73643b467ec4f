"""What only `metrics.detail: full` shows: the beginning of certificates, and a histogram an endpoint."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator

from scanner.metrics.families import Family
from scanner.metrics.labels import number
from scanner.model import Observation

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Upper bounds in seconds."""
PIECE_ROWS = 128
"""How many histograms are written at once: about a millisecond."""


def _not_before(seen: Observation) -> Iterator[tuple[str, float]]:
    if seen.certificate is not None:
        yield "", seen.certificate.not_before.timestamp()


FAMILIES = (
    Family(
        "mailport_certificate_not_before_timestamp_seconds",
        "From when the server's certificate is valid, in seconds since 1970, as the last probe saw it; "
        "absent when none was seen.",
        _not_before,
    ),
)

HISTOGRAM = "mailport_endpoint_duration_seconds"
DOCUMENTATION = (
    "How long the probes of the endpoint took, in seconds of a monotonic clock, since the scanner started "
    "or the setting that shows this was made."
)


class _Counts:
    """The probes of one endpoint, by how long they took."""

    __slots__ = ("buckets", "labels", "last", "total")

    def __init__(self, labels: str) -> None:
        self.labels = labels
        self.buckets = array("L", bytes(array("L").itemsize * (len(BUCKETS) + 1)))
        self.total = 0.0
        self.last = 0.0
        """When the last probe started, since one may be told of more than once."""


class Durations:
    """The histograms of all endpoints."""

    def __init__(self) -> None:
        self._counts: dict[int, _Counts] = {}

    def observe(self, row: int, labels: str, observation: Observation) -> None:
        """Count a probe, unless it is the one counted last, of which more is known by now."""
        counts = self._counts.get(row)
        if counts is None:
            counts = self._counts[row] = _Counts(labels)
        started = observation.started_at.timestamp()
        if started != counts.last:
            counts.last = started
            counts.total += observation.duration
            counts.buckets[bisect_left(BUCKETS, observation.duration)] += 1

    def drop(self, row: int) -> None:
        """Forget an endpoint."""
        self._counts.pop(row, None)

    def clear(self) -> None:
        """Forget all of them."""
        self._counts.clear()

    def pieces(self) -> Iterator[bytes]:
        """Return the lines of all endpoints that have a probe, in pieces.

        A probe that ends between two pieces may be counted; each histogram is sound in itself.
        """
        shown = list(self._counts.values())
        for start in range(0, len(shown), PIECE_ROWS):
            yield "".join(map(_write, shown[start : start + PIECE_ROWS])).encode()


_LIMITS = tuple(f'le="{number(float(bound))}"' for bound in (*BUCKETS, float("inf")))


def _write(counts: _Counts) -> str:
    labels = counts.labels
    lines = []
    count = 0
    for limit, more in zip(_LIMITS, counts.buckets, strict=True):
        count += more
        lines.append(f"{HISTOGRAM}_bucket{{{labels},{limit}}} {count}\n")
    lines.append(f"{HISTOGRAM}_sum{{{labels}}} {number(counts.total)}\n")
    lines.append(f"{HISTOGRAM}_count{{{labels}}} {count}\n")
    return "".join(lines)
