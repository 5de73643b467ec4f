"""Series of several vantages: each its own, told apart by a label; without others nothing is labelled."""

from dataclasses import replace

from scanner.metrics import Exposition
from scanner.model import Reason
from scanner.model.control import Gate, GateStanding, Realm, Word
from tests.verdict.observations import ended, healthy, judged

HERE = replace(judged(healthy(25)), level=4)
THERE = replace(judged(replace(ended(25, reason=Reason.CONNECT_TIMEOUT), vantage="rome")), standing=())
GATE = Gate(25, 4, Realm.PUBLIC)


def lines(exposition: Exposition, name: str) -> list[str]:
    text = exposition.render(openmetrics=False).decode()
    return sorted(line for line in text.splitlines() if line.startswith(f"{name}{{"))


def test_each_vantage_has_series_of_its_own_that_come_and_go_with_it() -> None:
    exposition = Exposition()
    exposition.label_vantages()
    exposition.accept(HERE)
    exposition.accept_elsewhere(THERE)
    level = lines(exposition, "mailport_endpoint_level")
    assert [line.partition("vantage=")[2] for line in level] == ['"default"} 4', '"rome"} 0']
    assert exposition.endpoints() == 1
    exposition.remove_elsewhere(HERE.endpoint.key, "rome")
    assert len(lines(exposition, "mailport_endpoint_level")) == 1
    exposition.accept_elsewhere(THERE)
    exposition.remove(HERE.endpoint.key)
    assert lines(exposition, "mailport_endpoint_level") == []


def test_what_another_vantage_sees_says_nothing_of_domains_and_one_alone_has_no_label() -> None:
    exposition = Exposition()
    exposition.accept(HERE)
    assert "vantage" not in exposition.render(openmetrics=False).decode()
    kept = exposition.domains.endpoints()
    exposition.label_vantages()
    exposition.accept_elsewhere(THERE)
    exposition.accept(replace(THERE, reason=Reason.TARGET_BLOCKS_US, vantage="default"))
    assert exposition.domains.endpoints() == kept


def test_a_port_that_others_reach_is_shown_as_not_blocked() -> None:
    exposition = Exposition()
    exposition.label_vantages()
    exposition.accept(replace(judged(ended(25, reason=Reason.CONNECT_TIMEOUT)), standing=None))
    assert lines(exposition, "mailport_endpoint_blocked")[0].endswith(" 1")
    exposition.accept(judged(ended(25, reason=Reason.TARGET_BLOCKS_US, level=4)))
    assert lines(exposition, "mailport_endpoint_blocked")[0].endswith(" 0")
    assert lines(exposition, "mailport_endpoint_level")[0].endswith(" 4")


def test_each_vantage_tells_of_its_own_network() -> None:
    exposition = Exposition()
    exposition.egress.read_from(lambda: {GATE: GateStanding(Word.FINE)}, lambda: "default")
    exposition.egress.read_also("rome", lambda: {GATE: GateStanding(Word.BLOCKED)})
    assert lines(exposition, "mailport_egress_blocked") == [
        'mailport_egress_blocked{port="25",vantage="default"} 0',
        'mailport_egress_blocked{port="25",vantage="rome"} 1',
    ]
