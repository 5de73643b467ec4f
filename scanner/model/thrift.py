"""Thrift: results that are kept share what is equal in them, and each takes little room beside that."""

import struct
from collections.abc import Hashable, ItemsView, Iterator, Mapping
from dataclasses import replace
from math import isnan, nan
from typing import Any, TypeVar

from scanner.model import Observation, Phase
from scanner.model.size import size_of

MOST_SHARED = 20_000
"""How many different values are at hand, and as many that were not met for longer."""
MOST_BYTES = 32 * 1024 * 1024
"""How much room those take at most: servers decide how long their texts are. As much again, likewise."""

_PHASES = tuple(Phase)
_PLACES = {phase: place for place, phase in enumerate(_PHASES)}
_TIMES = struct.Struct(f"{len(_PHASES)}d")

_Value = TypeVar("_Value", bound=Hashable)


class PhaseTimes(Mapping[Phase, float]):
    """The seconds of each phase, in a quarter of a dictionary's room."""

    __slots__ = ("_packed",)

    def __init__(self, times: Mapping[Phase, float]) -> None:
        self._packed = _TIMES.pack(*(times.get(phase, nan) for phase in _PHASES))

    def __getitem__(self, phase: Phase) -> float:
        seconds: float = _TIMES.unpack(self._packed)[_PLACES[phase]]
        if isnan(seconds):
            raise KeyError(phase)
        return seconds

    def items(self) -> ItemsView[Phase, float]:
        """Return phases and seconds, unpacked once for all."""
        times = zip(_PHASES, _TIMES.unpack(self._packed), strict=True)
        return {phase: seconds for phase, seconds in times if not isnan(seconds)}.items()

    def __iter__(self) -> Iterator[Phase]:
        times = _TIMES.unpack(self._packed)
        return (phase for phase, seconds in zip(_PHASES, times, strict=True) if not isnan(seconds))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"PhaseTimes({dict(self)})"


class Thrift:
    """Knows the values met lately. The ports of a host have one certificate, and most servers one greeting.

    There are two shelves of values: what is met moves to the first, and when that is full it becomes the
    second. So what nobody shows any more is forgotten.

    Args:
        most: values on a shelf.
        most_bytes: and what they take; a value that would fill a hundredth of a shelf is shared with nobody.
    """

    def __init__(self, most: int = MOST_SHARED, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._lately: dict[Any, Any] = {}
        self._before: dict[Any, Any] = {}

    def share(self, seen: Observation, former: Observation | None) -> Observation:
        """Return the same result made of values that others have too, first of all the former one."""
        same, own = self._same, former or seen
        certificate, starttls = seen.certificate, seen.starttls
        return replace(
            seen,
            phases=seen.phases if isinstance(seen.phases, PhaseTimes) else PhaseTimes(seen.phases),
            # These are mostly an endpoint's own.
            detail=own.detail if seen.detail == own.detail else seen.detail,
            banner=own.banner if seen.banner == own.banner else seen.banner,
            hello=own.hello if seen.hello == own.hello else seen.hello,
            # These are seen again and again, and cost more to look up than to compare.
            certificate=former.certificate
            if former and former.certificate == certificate
            else same(certificate),
            starttls=former.starttls if former and former.starttls == starttls else same(starttls),
            software=same(seen.software),
            capabilities=same(seen.capabilities),
            capabilities_tls=same(seen.capabilities_tls),
            auth_before_tls=same(seen.auth_before_tls),
            auth_after_tls=same(seen.auth_after_tls),
            tls=same(seen.tls),
            verdicts=tuple(same(verdict) for verdict in seen.verdicts),
        )

    def _same(self, value: _Value) -> _Value:
        """Return the value that is equal and was met first."""
        known: _Value | None = self._lately.get(value)
        if known is not None:
            return known
        first: _Value = self._before.get(value, value)
        size = size_of(first)
        if size > self._most_bytes // 100:
            return first
        self._lately[first] = first
        self._bytes += size
        if len(self._lately) >= self._most or self._bytes >= self._most_bytes:
            self._before, self._lately, self._bytes = self._lately, {}, 0
        return first
