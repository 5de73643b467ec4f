"""Sweeps the versions of a place in a test, as the pool would, one step after the other."""

from collections import deque
from pathlib import Path

from scanner.config import ProbeSettings
from scanner.model import Endpoint, Observation, role_of
from scanner.probe import Examiner, Prober, Rhythm, Sweep
from scanner.protocol import TlsClient
from scanner.verdict import Policy
from tests.servers.tls_place import TlsPlace


def prober_for(ca_file: Path | None = None, *, seconds: float = 5.0) -> Prober:
    settings = ProbeSettings(timeout=seconds)
    return Prober(settings, ehlo_name="probe.mail.test", tls=TlsClient(ca_file), policy=Policy())


def endpoint_at(place: TlsPlace) -> Endpoint:
    return Endpoint(
        host=place.host,
        address=place.address,
        port=place.port,
        protocol=place.protocol,
        tls_mode=place.tls_mode,
        role=role_of(place.protocol, place.port),
        source="operator",
        domains=(place.host,),
    )


async def sweep(
    place: TlsPlace, *, ca_file: Path | None = None, with_groups: bool = False, seconds: float = 5.0
) -> tuple[Observation, int]:
    """Return the whole observation, and how many hellos it took."""
    steps: deque[Sweep] = deque()
    rhythm = Rhythm(interval=86400.0, with_groups=with_groups)
    examiner = Examiner(prober_for(ca_file, seconds=seconds), rhythm, lambda step, _: steps.append(step))
    observation = await examiner.examine(endpoint_at(place))
    hellos = 0
    while steps:
        step = steps.popleft()
        observation = await examiner.examine(step)
        hellos = step.connections
    assert observation is not None
    return observation, hellos
