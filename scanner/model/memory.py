"""What is remembered of an endpoint between probes: its baseline, and which verdicts stand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scanner.model.reason import State
from scanner.model.verdict import Severity, StandingVerdict

TraitValue = bool | int | str | tuple[str, ...]
"""What a trait reads as. Numbers are ranks: the higher, the better protected."""


NO_EVIDENCE = "{}"


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing that successes of an endpoint have shown, and what has been seen in its place lately."""

    value: TraitValue | None
    """The baseline; None while it is being learnt."""
    since: datetime
    """When it was learnt, or first seen while it is being learnt."""
    seen_at: datetime
    """When it was seen last; the moment before a loss."""
    rival: TraitValue | None = None
    """Another reading, seen in all probes of late that could tell."""
    rival_count: int = 0
    rival_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of one endpoint; the judge alone changes it."""

    traits: Mapping[str, Trait] = field(default_factory=dict)
    is_pinned: bool = False
    """Whether the operator has fixed the baseline: nothing is learnt and nothing ages."""
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    """When the last probe that counts was made; unknown ones do not count."""
    state: State | None = None
    """The state that is confirmed."""
    state_since: datetime | None = None
    rival_state: State | None = None
    """Another state, seen in `rival_state_count` probes in a row."""
    rival_state_count: int = 0
    rival_state_since: datetime | None = None
    restored_at: datetime | None = None
    """When it was last open again after another state."""
    state_told: Severity | None = None
    """The worst that the change of state was told to be, since it was open last."""
    is_relapse: bool = False
    """Whether a bad state came back soon after that: then good probes have to go on for longer."""
    recent: tuple[tuple[str, ...], ...] = ()
    """What the last probes that count showed that needs to be confirmed; newest last."""
    pending_since: Mapping[str, datetime] = field(default_factory=dict)
    """When each verdict that waits to be confirmed was seen first."""
    standing: Mapping[str, StandingVerdict] = field(default_factory=dict)
    resolved_at: Mapping[str, datetime] = field(default_factory=dict)
    """When verdicts that may come back were resolved last."""
    evidence: str = NO_EVIDENCE
    """What the last success looked like, as a JSON object: the side before a change."""
    evidence_at: datetime | None = None
    """When that success was."""

    @property
    def has_baseline(self) -> bool:
        """Whether anything has been learnt."""
        return any(trait.value is not None for trait in self.traits.values())
