"""What a walk over the TLS versions found beyond yes and no, and how it stands to a handshake."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Sign(Enum):
    """What a note is about."""

    UNUSABLE = "unusable"
    """The version is enabled, and no handshake with it can succeed."""
    TAMPERED = "tampered"
    """The server says by its downgrade sentinel that it was offered less than we sent (RFC 8446 4.1.3)."""
    PLAINTEXT = "plaintext"
    """Text came where TLS belongs."""
    CONTRADICTED = "contradicted"
    """A handshake agreed on the version, and the walk was told that it is off."""
    STOPPED = "stopped"
    """The walk was cut short: by the caller, or by its own limit."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something beyond yes and no; `version` is the one that was asked for."""

    sign: Sign
    version: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a walk found beside what a handshake agreed on."""

    versions: dict[str, bool | None]
    note: Note | None = None
    """There where the two contradict each other."""


def reconcile(versions: Mapping[str, bool | None], negotiated: str | None) -> Reconciled:
    """Hold what a walk found against the version that a handshake agreed on, None where none came about.

    A whole handshake is proof, so that version is accepted. Where the walk was told that it is off, whoever
    refused its hellos (a filter that lets only usual clients through, another server behind the address) did
    not speak for the server that shook hands: then nothing that the walk calls off is proven.
    """
    found = dict(versions)
    if negotiated not in found:
        return Reconciled(found)
    note = None
    if found[negotiated] is False:
        off = [name for name, is_on in found.items() if is_on is False and name != negotiated]
        found |= dict.fromkeys(off)
        unproven = f"; so it is not proven that {', '.join(off)} are off" if off else ""
        detail = f"a handshake agreed on it, and the sweep's own hello for it was refused{unproven}"
        note = Note(Sign.CONTRADICTED, negotiated, detail)
    found[negotiated] = True
    return Reconciled(found, note)
