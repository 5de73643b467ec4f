"""Kin: an endpoint that is worse than its siblings is told while serving, and no longer when it is mended."""

from collections.abc import Iterable
from dataclasses import replace

from scanner.model import Observation, Reason, StartTls
from scanner.model.observation import Key
from scanner.service.kin import Kin
from tests.verdict.observations import ended, healthy, in_clear, judged, with_tls

OLD = "ECDHE-RSA-AES256-GCM-SHA384"


def keys(observations: Iterable[Observation]) -> list[Key]:
    return [each.endpoint.key for each in observations]


def told(seen: Observation) -> list[str]:
    return [verdict.id for verdict in seen.verdicts if verdict.id == "siblings_disagree"]


def at(observation: Observation, address: str) -> Observation:
    return judged(replace(observation, endpoint=replace(observation.endpoint, address=address)))


def test_one_address_that_is_worse_than_the_other_is_told() -> None:
    kin = Kin()
    good, bad = at(healthy(993), "192.0.2.1"), at(with_tls(993, "TLSv1.2", OLD), "192.0.2.2")
    family = keys([good, bad])
    assert told(kin.judge(bad, family)) == [], "nothing is known of the other yet"
    assert told(kin.judge(good, family)) == []
    assert told(kin.judge(bad, family)) == ["siblings_disagree"]
    assert told(kin.judge(bad, family)) == ["siblings_disagree"], "remembered"
    assert told(kin.judge(at(healthy(993), "192.0.2.2"), family)) == []


def test_a_sibling_that_becomes_worse_is_no_reference_any_more() -> None:
    kin = Kin()
    good, bad = at(healthy(993), "192.0.2.1"), at(with_tls(993, "TLSv1.2", OLD), "192.0.2.2")
    family = keys([good, bad])
    kin.judge(good, family)
    assert told(kin.judge(bad, family)) == ["siblings_disagree"]
    kin.judge(at(with_tls(993, "TLSv1.2", OLD), "192.0.2.1"), family)
    assert told(kin.judge(bad, family)) == []


def test_a_port_whose_starttls_is_gone_beside_one_that_has_it() -> None:
    kin = Kin()
    stripped = judged(in_clear(25, StartTls(offered=False)))
    family = keys([healthy(587), stripped])
    kin.judge(judged(healthy(587)), family)
    assert told(kin.judge(stripped, family)) == ["siblings_disagree"]


def test_what_our_own_network_hides_is_no_disagreement() -> None:
    kin = Kin()
    ours = judged(ended(993, reason=Reason.EGRESS_BLOCKED))
    assert kin.judge(ours, keys([ours])) is ours


def test_an_endpoint_that_is_forgotten_counts_no_more() -> None:
    kin = Kin()
    good, bad = at(healthy(993), "192.0.2.1"), at(with_tls(993, "TLSv1.2", OLD), "192.0.2.2")
    family = keys([good, bad])
    kin.judge(good, family)
    kin.judge(bad, family)
    kin.forget(good.endpoint.key)
    kin.forget(bad.endpoint.key)
    assert told(kin.judge(bad, family)) == []
