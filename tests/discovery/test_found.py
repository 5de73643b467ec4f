"""What is followed of what the sources say: for each service the first source that knows it."""

from dataclasses import replace

from scanner.discovery.found import Found
from scanner.discovery.mx import MxFound
from scanner.discovery.offer import Offer, Place, Trouble
from scanner.model import PORTS, Reason, Service, Source, StsMode, StsPolicy

POLICY = StsPolicy(StsMode.ENFORCE, ("mx.test",), 86400)
SERVICES = {
    465: Service.SUBMISSION,
    587: Service.SUBMISSION,
    993: Service.IMAP,
    995: Service.POP3,
    25: Service.MX,
}


def place(host: str, port: int) -> Place:
    return Place(SERVICES[port], host, port, PORTS[port].protocol, PORTS[port].tls_mode)


def offer(source: Source, *places: Place, not_offered: tuple[Service, ...] = ()) -> Offer:
    return Offer(source, places, not_offered=frozenset(not_offered))


def found(*offers: Offer) -> Found:
    first = offer(Source.MX, place("mx.test", 25))
    return Found("example.org", MxFound(first), (first, *offers))


def chosen(it: Found) -> list[tuple[str, str, int]]:
    return [(offer.source.value, place.host, place.port) for offer, place in it.chosen]


def test_each_service_is_that_of_the_first_source_that_knows_it() -> None:
    it = found(
        offer(Source.SRV, place("a.test", 587), place("a.test", 465)),
        offer(Source.ISPDB, place("b.test", 587), place("b.test", 993)),
        offer(Source.GUESS, place("c.test", 993), place("c.test", 995)),
    )
    assert chosen(it) == [
        ("mx", "mx.test", 25),
        ("srv", "a.test", 587),
        ("srv", "a.test", 465),
        ("ispdb", "b.test", 993),
        ("guess", "c.test", 995),
    ]


def test_what_is_not_offered_is_not_looked_for_further_down() -> None:
    it = found(
        offer(Source.SRV, not_offered=(Service.POP3,)),
        offer(Source.ISPDB, place("b.test", 995), place("b.test", 993)),
    )
    assert chosen(it) == [("mx", "mx.test", 25), ("ispdb", "b.test", 993)]
    assert [service for _, service in it.not_offered] == [Service.POP3]


def test_a_higher_source_stands_against_a_denial_further_down() -> None:
    it = found(
        offer(Source.CATALOGUE, place("a.test", 995)),
        offer(Source.SRV, not_offered=(Service.POP3,)),
    )
    assert ("catalogue", "a.test", 995) in chosen(it)
    assert list(it.not_offered) == []


def test_sources_that_name_no_server_in_common_disagree() -> None:
    it = found(
        offer(Source.CATALOGUE, place("a.test", 587), place("a.test", 993)),
        offer(
            Source.SRV, place("b.test", 587), place("b.test", 465), place("a.test", 993), place("b.test", 993)
        ),
        offer(Source.GUESS, place("c.test", 993)),
    )
    (notice,) = it.disagreements()
    assert notice.id == "sources_disagree"
    assert "b.test:465" in notice.summary
    assert "a.test:587, which is followed" in notice.summary


def test_trouble_with_the_name_servers_is_known_from_other_trouble() -> None:
    trouble = Trouble(Reason.DNS_FAILURE, "no answer")
    assert found(Offer(Source.SRV, trouble=trouble)).lookup_trouble == trouble
    assert found(Offer(Source.ISPDB, trouble=Trouble(Reason.CONNECT_TIMEOUT, "slow"))).lookup_trouble is None


def test_what_the_name_servers_keep_back_stands_as_it_was_and_all_else_as_it_is() -> None:
    trouble = Trouble(Reason.DNS_FAILURE, "no answer")
    before = found(offer(Source.SRV, place("a.test", 587)), offer(Source.ISPDB, place("b.test", 993)))
    now = replace(found(Offer(Source.SRV, trouble=trouble)), policy=POLICY)
    joined = now.supplemented_by(before)
    assert chosen(joined) == [("mx", "mx.test", 25), ("srv", "a.test", 587)]
    assert joined.policy == POLICY
    assert joined.lookup_trouble == trouble


def test_without_an_answer_for_the_mx_all_stands_as_it_was() -> None:
    trouble = Trouble(Reason.DNS_FAILURE, "no answer")
    before = found(offer(Source.SRV, place("a.test", 587)))
    cut_off = MxFound(Offer(Source.MX, trouble=trouble))
    joined = Found("example.org", cut_off, (cut_off.offer,)).supplemented_by(before)
    assert chosen(joined) == chosen(before)
    assert joined.lookup_trouble == trouble


def test_a_slow_web_site_is_no_trouble_with_the_name_servers_but_asked_again_soon() -> None:
    slow = found(Offer(Source.AUTOCONFIG, trouble=Trouble(Reason.DNS_FAILURE, "no answer")))
    assert slow.lookup_trouble is None
    assert not slow.is_whole
    assert not replace(found(), is_policy_lost=True).is_whole
    assert found().is_whole
