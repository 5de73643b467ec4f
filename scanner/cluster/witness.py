"""The prober of a worker: it says what it saw."""

from scanner.model import Observation
from scanner.probe import Prober


class Witness(Prober):
    """Probes and does not judge: whoever asked does that, by a policy and a memory that no worker has."""

    def judge(self, observation: Observation) -> Observation:
        """Return the observation as it was seen."""
        return observation
