"""Whether a server that was only guessed has shown that it is one of the domain's."""

from scanner.model import Observation, Proof, Reason, State

_SPEAKS = frozenset({State.OPEN, State.REJECTING})


def is_proven(observation: Observation) -> bool:
    """Tell whether an observation shows what its endpoint has to show before it counts."""
    proof = observation.endpoint.proof
    if proof is Proof.NONE:
        return True
    has_greeted = observation.state in _SPEAKS or (
        observation.banner is not None and observation.reason is not Reason.WRONG_PROTOCOL
    )
    if proof is Proof.GREETING:
        return has_greeted
    return has_greeted and observation.certificate is not None and observation.certificate.name_matches
