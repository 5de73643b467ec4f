"""Reads an observation back from its record, so that it can be judged again for other domains."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from scanner.model import Endpoint, Observation
from scanner.model.record import Record
from scanner.model.soundness import check_soundness

NOT_IN_RECORDS = ("hello", "is_egress_clear")
"""What an observation has and its record lacks."""

_OBSERVATION = TypeAdapter(tuple[Observation])


def rest_of(observation: Observation) -> Record:
    """Return what the record of an observation lacks."""
    return {name: getattr(observation, name) for name in NOT_IN_RECORDS}


def read_observation(record: Mapping[str, Any], rest: Mapping[str, Any], endpoint: Endpoint) -> Observation:
    """Return what a record tells and `rest_of` adds, as if this endpoint had been probed; it is not judged.

    Moments are of milliseconds, durations of microseconds, as records have them.

    Raises:
        ValueError: the record is not whole, not of the right kind, or of no probe.
    """
    try:
        plain = _unfold(record) | {name: rest[name] for name in NOT_IN_RECORDS}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no whole record: {error}") from None
    # In a tuple, as the store has it.
    return check_soundness(_OBSERVATION.validate_python(({**plain, "endpoint": endpoint},))[0])


def _unfold(record: Mapping[str, Any]) -> dict[str, Any]:
    tls = record["tls"] or {}
    plain = {name: record[name] for name in _AS_IT_IS}
    return plain | {
        "auth_before_tls": record["auth"]["before_tls"],
        "auth_after_tls": record["auth"]["after_tls"],
        "tls": tls if tls.get("version") is not None else None,
        "versions": tls.get("versions"),
        "version_notes": tls.get("notes", ()),
        "preferred_group": tls.get("preferred_group"),
        "post_quantum": tls.get("post_quantum"),
        "dane": (record["dane"] or {}).get("match"),
    }


_AS_IT_IS = (
    "started_at",
    "duration",
    "reason",
    "detail",
    "phases",
    "banner",
    "software",
    "capabilities",
    "capabilities_tls",
    "starttls",
    "preauth",
    "ehlo_reply",
    "certificate",
    "bytes_read",
    "vantage",
)
