"""A sweep: what one endpoint accepts beside what it negotiated, asked a connection at a time."""

import os
import time
from dataclasses import dataclass, replace
from types import MappingProxyType

from scanner.model import Observation, Reason
from scanner.model.observation import DOWNGRADE_SENTINEL, Key
from scanner.probe.prober import Prober
from scanner.protocol.client_hello import GROUP_NAMES, X25519MLKEM768
from scanner.protocol.findings import Findings
from scanner.protocol.group_walk import GroupWalk
from scanner.protocol.server_hello import Answer, NoHello, Silence
from scanner.protocol.version_notes import Note, Sign, reconcile
from scanner.protocol.version_walk import VersionWalk

MOST_SECONDS = 60.0
"""What all connections of a sweep may take together, the one under way not counted."""
# What stops a sweep at once: the server has enough of us, or there is no way to it any more.
_NOT_ASKED = "no hello could be sent"
_SIGNS = {
    Sign.UNUSABLE: "enabled and unusable",
    Sign.TAMPERED: DOWNGRADE_SENTINEL,
    Sign.PLAINTEXT: "no TLS where it belongs",
    Sign.CONTRADICTED: "contradicted by the handshake:",
    Sign.STOPPED: "stopped early",
}


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found."""

    versions: MappingProxyType[str, bool | None]
    notes: tuple[str, ...]
    post_quantum: bool | None
    preferred_group: str | None
    connections: int
    is_whole: bool
    """Whether it was made to its end and could tell something."""

    def supplemented_by(self, former: "Swept") -> "Swept":
        """Return the same, with what an earlier sweep knew and this one could not tell."""
        versions = {
            version: former.versions.get(version) if is_accepted is None else is_accepted
            for version, is_accepted in self.versions.items()
        }
        return replace(
            self,
            versions=MappingProxyType(versions),
            post_quantum=former.post_quantum if self.post_quantum is None else self.post_quantum,
            preferred_group=self.preferred_group or former.preferred_group,
        )

    def beside(self, observation: Observation) -> "Swept":
        """Return the same, where what the observation's handshake agreed on is known as accepted.

        It may be another version or group than at the time of the sweep: a server is changed, there are
        several, or a filter refused the hello.
        """
        group = observation.tls.group if observation.tls is not None else None
        is_hybrid = self.post_quantum is False and group == GROUP_NAMES[X25519MLKEM768]
        negotiated = observation.tls.version if observation.tls is not None else None
        found = reconcile(self.versions, negotiated)
        notes = self.notes if found.note is None else (*self.notes, _write(found.note, observation))
        return replace(
            self,
            versions=MappingProxyType(found.versions),
            notes=notes,
            post_quantum=is_hybrid or self.post_quantum,
        )

    def add_to(self, observation: Observation) -> Observation:
        """Return the observation with what the sweep found; it has to be judged anew."""
        found = self.beside(observation)
        return replace(
            observation,
            versions=found.versions,
            version_notes=found.notes,
            post_quantum=found.post_quantum,
            preferred_group=self.preferred_group,
        )


class Sweep:
    """Walks down the versions, then over the groups; a job for the pool, once for each connection."""

    __slots__ = ("_groups", "_seconds", "_silences", "_walk", "observation", "wants_groups")

    def __init__(self, observation: Observation, *, with_groups: bool) -> None:
        self.observation = observation
        """The probe that it belongs to."""
        self._walk = VersionWalk(observation.endpoint.host, os.urandom)
        self._groups: GroupWalk | None = None
        self.wants_groups = with_groups
        self._silences = 0
        self._seconds = 0.0

    @property
    def address(self) -> str:
        """Where the next connection goes."""
        return self.observation.endpoint.address

    @property
    def connections(self) -> int:
        """How many hellos were given out so far."""
        return self._walk.connections + (self._groups.connections if self._groups is not None else 0)

    @property
    def key(self) -> Key:
        """The endpoint's identity."""
        return self.observation.endpoint.key

    async def step(self, prober: Prober) -> bool:
        """Make the next connection; return whether another one is to come."""
        walk = self._walk if self._groups is None else self._groups
        hello = walk.next()
        if hello is None:
            return self._go_on()
        begun = time.monotonic()
        answer, found = await prober.ask(self.observation.endpoint, hello.data)
        self._seconds += time.monotonic() - begun
        if answer is None:
            self._stop(found)
            return False
        walk.take(answer)
        if self._has_heard_enough_silence(answer):
            self._walk.stop("the server is silent")
        elif self._seconds > MOST_SECONDS:
            self._walk.stop(f"the server took more than {MOST_SECONDS:.0f} s for its answers")
        return True

    def finish(self) -> Swept:
        """Return what was found."""
        groups = self._groups
        swept = Swept(
            versions=MappingProxyType(dict(self._walk.versions)),
            notes=tuple(_write(note, self.observation) for note in self._walk.notes),
            post_quantum=groups.post_quantum if groups is not None else None,
            preferred_group=groups.preferred_group if groups is not None else None,
            connections=self.connections,
            is_whole=any(is_accepted is not None for is_accepted in self._walk.versions.values())
            and all(note.sign is not Sign.STOPPED for note in self._walk.notes),
        )
        return swept.beside(self.observation)

    def _has_heard_enough_silence(self, answer: Answer) -> bool:
        """Tell whether to ask no more: who said nothing twice, or to us and to a hello, would go on so."""
        if not isinstance(answer, NoHello) or answer.how is not Silence.TIMEOUT:
            return False
        self._silences += 1
        return self._silences > (self.observation.reason is not Reason.TLS_TIMEOUT)

    def _go_on(self) -> bool:
        """Turn to the groups, where they are wanted and there is TLS 1.3; return whether that is so."""
        if self._groups is not None or not self.wants_groups or not self._walk.versions["TLSv1.3"]:
            return False
        self._groups = GroupWalk(self.observation.endpoint.host, os.urandom, self._walk.retry)
        return True

    def _stop(self, found: Findings) -> None:
        """End it: what is not known yet stays so."""
        reason = (found.reason or Reason.INTERNAL).value.replace("_", " ")
        self._walk.stop(f"{_NOT_ASKED}: {reason}{f': {found.detail}' if found.detail else ''}")
        if self._groups is not None:
            self._groups.stop()


def _write(note: Note, observation: Observation) -> str:
    version = f" {note.version}" if note.version is not None else ""
    if note.sign is Sign.PLAINTEXT and observation.tls is None and observation.detail:
        return f"{_SIGNS[note.sign]}{version}, as the probe has found"  # it shows what came instead
    return f"{_SIGNS[note.sign]}{version}: {note.detail}"
