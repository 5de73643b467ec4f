"""Through what a scan looks: the settings that decide whether an earlier scan saw what this one would."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from scanner.config import Settings
from scanner.model import Observation, State

_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Lens:
    """The certificates that are trusted, the vantage, and what is asked beside the ordinary probe.

    How long a server is waited for does not count: who is in a hurry goes on with other limits.
    """

    trust: str | None = None
    """A digest of the CA file; None where the system's certificates are trusted."""
    vantage: str = "default"
    with_versions: bool = False
    with_groups: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings say.

        Raises:
            OSError: the CA file cannot be read.
        """
        probe = settings.probe
        content = None if probe.ca_file is None else probe.ca_file.read_bytes()
        with_versions = probe.versions_interval is not None
        return cls(
            trust=None if content is None else hashlib.sha256(content).hexdigest()[:_DIGITS],
            vantage=settings.vantage,
            with_versions=with_versions,
            with_groups=with_versions and probe.groups,
        )

    def note(self) -> dict[str, Any]:
        """Return what is to be kept of it beside a record, which says more of itself."""
        return {"trust": self.trust, "groups": self.with_groups}

    def covers(self, seen: Observation, note: Mapping[str, Any]) -> bool:
        """Tell whether what was seen through another lens, as it was noted, has all that is wanted now."""
        if seen.vantage != self.vantage or note["trust"] != self.trust:
            return False
        if seen.state is State.UNKNOWN:
            return False  # it told of our side of the connection, which may be mended since
        if seen.state is not State.OPEN or seen.tls is None:
            return True
        lacks_versions = self.with_versions and seen.versions is None
        return not lacks_versions and (note["groups"] is True or not self.with_groups)
