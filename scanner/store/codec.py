"""Observations as the store keeps them: the endpoint, what the server showed, and what varies.

The first two seldom change and are kept once each, as canonical JSON under its hash. What comes out equals
what went in, to the microsecond, but for what stood then: that is in the memory. A field that the code has
and the JSON lacks gets its default; one that the code does not know is passed over.
"""

import hashlib
import json
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from scanner.model import Endpoint, Observation, Phase
from scanner.model.soundness import check_soundness
from scanner.store.damage import UNREADABLE, read_number, read_text
from scanner.store.moments import from_micros, micros_to_seconds, seconds_to_micros, to_micros

Texts = dict[str, str | None]
"""The texts that may differ from probe to probe: banner, detail, and the reply to STARTTLS."""

PHASES = (
    Phase.DNS,
    Phase.CONNECT,
    Phase.GREETING,
    Phase.CAPABILITIES,
    Phase.STARTTLS,
    Phase.TLS,
    Phase.CAPABILITIES_TLS,
    Phase.QUIT,
)
"""The places of the phases in a sample's list. A new one goes to the end: rows that are there keep theirs."""
MAX_BODY = 64 * 1024 * 1024
"""Bytes; what unpacks to more is damage."""

_VARYING = frozenset(
    {"endpoint", "started_at", "duration", "phases", "banner", "detail", "bytes_read", "standing"}
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# In a tuple, since a dataclass takes no settings from outside: TLSA data is bytes, which JSON has not.
_OBSERVATION = TypeAdapter(tuple[Observation], config=ConfigDict(val_json_bytes="base64"))


@dataclass(frozen=True, slots=True)
class Content:
    """One part of an observation that seldom changes."""

    hash: bytes
    body: bytes


def stable_endpoint(observation: Observation) -> Endpoint:
    """Return the endpoint without what varies; equal ones have equal contents."""
    endpoint = observation.endpoint
    return endpoint if endpoint.dns_seconds is None else replace(endpoint, dns_seconds=None)


def is_same_endpoint(one: Observation, other: Observation) -> bool:
    """Tell whether two observations of an endpoint have equal contents about it."""
    return one.endpoint is other.endpoint or stable_endpoint(one) == stable_endpoint(other)


def stable_part(observation: Observation) -> tuple[object, ...]:
    """Return all that the server showed and what was made of it; equal ones have equal contents."""
    starttls = observation.starttls
    if starttls is not None and starttls.reply is not None:
        starttls = replace(starttls, reply=None)
    return tuple(starttls if name == "starttls" else getattr(observation, name) for name in _STABLE_FIELDS)


def is_same_sample(one: Observation, other: Observation) -> bool:
    """Tell whether two observations of an endpoint are the same probe, and would be written alike."""
    return (
        one.started_at == other.started_at
        and (one.duration, one.bytes_read, one.phases) == (other.duration, other.bytes_read, other.phases)
        and texts_of(one) == texts_of(other)
        and is_same_endpoint(one, other)
        and stable_part(one) == stable_part(other)
    )


def encode_endpoint(endpoint: Endpoint) -> Content:
    """Write an endpoint that came from `stable_endpoint`."""
    return _pack(_to_plain(endpoint))


def encode_part(part: tuple[object, ...]) -> Content:
    """Write what came from `stable_part`."""
    return _pack({name: _to_plain(value) for name, value in zip(_STABLE_FIELDS, part, strict=True)})


def texts_of(observation: Observation) -> Texts:
    """Return the texts that may differ from probe to probe."""
    starttls = observation.starttls
    reply = starttls.reply if starttls is not None else None
    return {"banner": observation.banner, "detail": observation.detail, "reply": reply}


def encode_sample(observation: Observation, usual: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the columns of what varies; texts are only written where they are not the usual ones."""
    phases = dict(observation.phases.items())
    rest: dict[str, object] = {
        "p": [seconds_to_micros(phases[phase]) if phase in phases else None for phase in PHASES]
    }
    if observation.endpoint.dns_seconds is not None:
        rest["d"] = seconds_to_micros(observation.endpoint.dns_seconds)
    if observation.bytes_read:
        rest["b"] = observation.bytes_read
    unusual = {name: text for name, text in texts_of(observation).items() if text != usual.get(name)}
    if unusual:
        rest["t"] = unusual
    return {
        "started_at": to_micros(observation.started_at),
        "duration": seconds_to_micros(observation.duration),
        "state": observation.state.value,
        "reason": observation.reason.value if observation.reason is not None else None,
        "level": observation.level,
        "rest": to_json(rest),
    }


def write_whole(observation: Observation) -> bytes:
    """Return an observation as JSON, without its endpoint and what was made of it."""
    return _OBSERVATION.dump_json((observation,), exclude=_MADE_OF_IT, exclude_defaults=True)[1:-1]


def read_whole(plain: Mapping[str, object], endpoint: Endpoint) -> Observation:
    """Return the observation that `write_whole` wrote, of the endpoint; it has to be judged anew.

    Raises:
        ValueError: it is none.
    """
    return check_soundness(_OBSERVATION.validate_python(({**plain, "endpoint": endpoint},))[0])


def is_sound(digest: object, body: object) -> bool:
    """Tell whether the body of a content is the one that its hash was made of."""
    try:
        return isinstance(body, bytes) and hashlib.sha256(_inflate(body)).digest() == digest
    except (ValueError, zlib.error):
        return False


def unpack(body: bytes) -> dict[str, Any]:
    """Read the body of a content; raise one of `UNREADABLE` where it is damaged."""
    found: dict[str, Any] = json.loads(_inflate(body))
    return found


def _inflate(body: bytes) -> bytes:
    reader = zlib.decompressobj()
    text = reader.decompress(body, MAX_BODY)
    if not reader.eof:
        raise ValueError("cut short, or longer than any content")
    return text


def build_template(subject: Mapping[str, object], evidence: Mapping[str, object]) -> Observation:
    """Join the two parts to an observation that lacks what varies.

    Raises:
        ValueError: this program does not understand what is written there.
    """
    whole = {**evidence, "endpoint": subject, "started_at": _EPOCH.isoformat(), "duration": 0.0}
    return _OBSERVATION.validate_json(f"[{to_json(whole)}]")[0]


def complete(
    template: Observation, started_at: int, duration: int, rest: str, usual: Mapping[str, str | None]
) -> Observation:
    """Return the observation of one sample; raise `ValueError` for a row that makes no sense."""
    try:
        varying = json.loads(rest)
        texts = read_texts({**usual, **varying.get("t", {})})
        dns = varying.get("d")
        starttls = template.starttls
        return replace(
            template,
            endpoint=replace(
                template.endpoint, dns_seconds=None if dns is None else micros_to_seconds(int(dns))
            ),
            started_at=from_micros(started_at),
            duration=micros_to_seconds(read_number(duration)),
            phases=_read_phases(varying.get("p", [])),
            banner=texts.get("banner"),
            detail=texts.get("detail"),
            starttls=None if starttls is None else replace(starttls, reply=texts.get("reply")),
            bytes_read=int(varying.get("b", 0)),
        )
    except UNREADABLE as error:
        raise ValueError(f"no sample: {error}") from None


def read_texts(found: Mapping[str, object]) -> Texts:
    """Return the texts of an observation as they stand in a row.

    Raises:
        TypeError, ValueError: some are no texts.
    """
    return {name: None if text is None else read_text(text) for name, text in found.items()}


def to_json(value: object) -> str:
    """Write canonical JSON: sorted keys, no spaces; what JSON has not is written as in contents."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_to_plain)


def _read_phases(micros: Sequence[int | None]) -> dict[Phase, float]:
    """Read the list of a sample; it may be shorter than ours, from before a phase was known."""
    return {
        phase: micros_to_seconds(int(took))
        for phase, took in zip(PHASES, micros, strict=False)
        if took is not None
    }


def _pack(plain: object) -> Content:
    text = to_json(plain).encode()
    return Content(hashlib.sha256(text).digest(), zlib.compress(text, 6))


def _to_plain(value: object) -> object:
    """Return a value as JSON has it: moments in ISO 8601, bytes in base64, sets sorted."""
    if value is None or type(value) in {str, int, float, bool}:
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(_to_plain(key)): _to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((_to_plain(item) for item in value), key=str)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return urlsafe_b64encode(value).decode("ascii")
    raise TypeError(f"no JSON for {type(value).__name__}")


_MADE_OF_IT = {0: {"endpoint", "standing", "level", "verdicts"}}
"""Of the first in the tuple."""
_STABLE_FIELDS = tuple(field.name for field in fields(Observation) if field.name not in _VARYING)
"""Everything else, and so every field that is added to observations later."""
