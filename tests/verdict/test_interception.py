"""Each sign of an interception by itself, together with others, and what refutes it."""

from dataclasses import replace
from typing import Any

import pytest

from scanner.model import Certificate, Phase, Reason, Severity, StartTls
from scanner.model.control import Realm, Word
from scanner.verdict.egress import judge_gate, tell_gate
from scanner.verdict.interception import Asked, Round, find_signs
from tests.verdict.controls import GATE, asked, controls, fine, gate_round
from tests.verdict.observations import CERTIFICATE

CLEAR: dict[str, Any] = {"tls": None, "certificate": None, "starttls": None}


def names_of(asked: Round) -> dict[str, str]:
    """Return the ids of the signs that a round shows, with their evidence."""
    return {sign.id: sign.text for sign in find_signs(asked)}


def unknown_ca(number: int, issuer: str, **changes: Any) -> Certificate:
    usual: dict[str, Any] = {
        "issuer": issuer,
        "trusted": False,
        "problems": ("untrusted",),
        "fingerprint_sha256": f"{number:064x}",
    }
    return replace(CERTIFICATE, **{**usual, **changes})


def everywhere(**changes: Any) -> tuple[Asked, ...]:
    """All controls with the same changes; without TLS, so that nothing proves them, unless told otherwise."""
    return tuple(asked(one, **{**CLEAR, **changes}) for one in controls())


def greeting_of(number: int) -> str:
    return f"220 other{number}.test ESMTP"


SIGNS: dict[str, Round] = {
    "dark_address_answers": gate_round(*everywhere(), dark="192.0.2.1", is_dark_answering=True),
    "greeting_unexpected": gate_round(
        *(
            asked(one, **CLEAR, banner=f"220 relay{'abc'[number]}.isp.test {'xyz'[number]}")
            for number, one in enumerate(controls())
        )
    ),
    "same_greeting": gate_round(
        *(
            asked(replace(one, banner=None), **CLEAR, banner=f"220 relay{number}.isp.test ESMTP")
            for number, one in enumerate(controls())
        )
    ),
    "same_certificate": gate_round(
        *everywhere(certificate=replace(unknown_ca(7, "CN=any"), trusted=True, name_matches=False))
    ),
    "greeting_masked": gate_round(
        *(
            asked(replace(one, banner=None), **CLEAR, banner="220 " + "*" * (20 + n))
            for n, one in enumerate(controls())
        )
    ),
    "starttls_missing": gate_round(*everywhere(starttls=StartTls(offered=False))),
    "no_public_ca": gate_round(
        *(asked(one, certificate=unknown_ca(n, "CN=proxy")) for n, one in enumerate(controls()))
    ),
    "turned_away_by_all": gate_round(
        *(
            asked(
                one, **CLEAR, reason=Reason.GREETING_TEMPFAIL, banner=f"421 {'abc'[n]} too many connections"
            )
            for n, one in enumerate(controls())
        )
    ),
    "private_client_address": gate_round(*everywhere(hello="mx.test at your service, [10.0.0.9]")),
}


@pytest.mark.parametrize("name", SIGNS)
def test_each_sign_is_enough(name: str) -> None:
    signs = names_of(SIGNS[name])
    assert name in signs
    standing = judge_gate(SIGNS[name])
    assert standing.word is Word.INTERCEPTED
    assert name in standing.signatures
    assert signs[name] in standing.evidence
    verdict = tell_gate(GATE, standing)
    assert verdict is not None
    assert (verdict.id, verdict.severity) == ("egress_intercepted", Severity.CRITICAL)
    assert signs[name] in verdict.summary


@pytest.mark.parametrize("name", sorted(SIGNS.keys() - {"same_greeting", "greeting_masked"}))
def test_each_sign_comes_alone_where_nothing_else_is_wrong(name: str) -> None:
    assert list(names_of(SIGNS[name])) == [name]


def test_all_in_good_order_shows_no_sign() -> None:
    assert find_signs(gate_round(*map(fine, controls()))) == ()


@pytest.mark.parametrize("name", SIGNS)
def test_one_control_as_it_should_be_refutes_what_is_said_of_all(name: str) -> None:
    """All but those where two unrelated ones are alike, which a third does not explain."""
    if name in {"same_greeting", "same_certificate", "private_client_address", "dark_address_answers"}:
        return
    changed = SIGNS[name]
    honest = fine(controls()[2])
    assert name not in names_of(replace(changed, asked=(*changed.asked[:2], honest)))


@pytest.mark.parametrize("name", SIGNS)
def test_certificates_that_verify_refute_every_sign(name: str) -> None:
    changed = SIGNS[name]
    proven = tuple(
        replace(one, seen=replace(one.seen, certificate=replace(CERTIFICATE, fingerprint_sha256=f"{n:064x}")))
        for n, one in enumerate(changed.asked)
    )
    assert judge_gate(replace(changed, asked=proven)).word is Word.FINE


def test_one_proof_refutes_a_network_that_only_accepts_every_connection() -> None:
    changed = SIGNS["dark_address_answers"]
    standing = judge_gate(replace(changed, asked=(*changed.asked[:2], fine(controls()[2]))))
    assert standing.word is Word.FINE
    assert "dark_address_answers" in standing.signatures


ONE, TWO, THREE = controls()
NATTED = asked(TWO, hello="mx.two.test Hello [10.1.2.3]")
BUSY = asked(THREE, **CLEAR, banner="421 busy", reason=Reason.GREETING_TEMPFAIL)
SELF_SIGNED = asked(THREE, certificate=unknown_ca(3, "CN=own"))
NATTED_IN_CLEAR = asked(TWO, **CLEAR, hello="mx.two.test Hello [10.1.2.3]")


@pytest.mark.parametrize(
    ("some", "word"),
    [
        ((fine(ONE), NATTED, BUSY), Word.FINE),
        ((fine(ONE), NATTED_IN_CLEAR, BUSY), Word.FINE),
        ((fine(ONE), NATTED_IN_CLEAR, BUSY, BUSY), Word.FINE),
        ((fine(ONE), NATTED_IN_CLEAR, SELF_SIGNED, SELF_SIGNED), Word.FINE),
        ((fine(ONE), NATTED_IN_CLEAR, NATTED_IN_CLEAR, NATTED_IN_CLEAR), Word.INTERCEPTED),
        ((fine(ONE), fine(ONE), fine(ONE), NATTED_IN_CLEAR, BUSY, BUSY), Word.FINE),
        ((NATTED_IN_CLEAR, BUSY), Word.INTERCEPTED),
    ],
)
def test_a_few_odd_controls_prove_nothing_beside_one_that_proves_itself(
    some: tuple[Asked, ...], word: Word
) -> None:
    standing = judge_gate(gate_round(*some))
    assert standing.word is word
    assert "private_client_address" in standing.signatures


def test_what_three_unrelated_controls_have_in_common_one_that_proves_itself_does_not_explain() -> None:
    alike = [asked(one, **CLEAR, banner="220 relay.isp.test ESMTP") for one in (ONE, TWO, THREE)]
    assert judge_gate(gate_round(fine(ONE), *alike)).word is Word.INTERCEPTED
    assert judge_gate(gate_round(fine(ONE), *alike[1:], BUSY)).word is Word.FINE


@pytest.mark.parametrize(
    "name", ["same_greeting", "same_certificate", "greeting_masked", "no_public_ca", "turned_away_by_all"]
)
@pytest.mark.parametrize("provider", [None, "one"])
def test_related_controls_may_be_alike(name: str, provider: str | None) -> None:
    changed = SIGNS[name]
    related = tuple(
        replace(one, control=replace(one.control, provider=provider, banner=None, starttls=False))
        for one in changed.asked
    )
    assert judge_gate(replace(changed, asked=related)).word is Word.FINE


def test_a_single_control_with_a_known_greeting_is_enough() -> None:
    (one, *_) = controls()
    seen = asked(one, **CLEAR, banner="220 relay.isp.test ESMTP")
    assert judge_gate(gate_round(seen, listed=1)).word is Word.INTERCEPTED


@pytest.mark.parametrize("reason", [Reason.WRONG_PROTOCOL, Reason.PLAINTEXT_ON_TLS_PORT])
def test_another_protocol_is_no_greeting_of_a_mail_server(reason: Reason) -> None:
    standing = judge_gate(gate_round(*everywhere(reason=reason, detail="HTTP/1.1 400", banner=None)))
    assert standing.signatures == ("greeting_unexpected",)
    assert "HTTP/1.1 400" in standing.text


def test_one_that_turns_us_away_need_not_say_its_name() -> None:
    some = everywhere(reason=Reason.GREETING_REJECTED)
    turned = tuple(
        replace(one, seen=replace(one.seen, banner=f"554 5.7.1 {'abc'[n]}")) for n, one in enumerate(some)
    )
    assert judge_gate(gate_round(*turned)).word is Word.FINE


def test_untrusted_certificates_of_several_issuers_may_mean_that_our_store_is_empty() -> None:
    some = [asked(one, certificate=unknown_ca(n, f"CN=CA {n}")) for n, one in enumerate(controls())]
    assert judge_gate(gate_round(*some)).word is Word.FINE
    assert judge_gate(gate_round(*some, is_store_proven=True)).signatures == ("no_public_ca",)


@pytest.mark.parametrize(
    ("here", "there", "is_near"),
    [
        (0.002, 0.030, True),
        (0.020, 0.030, False),
        (0.002, 0.006, False),
        (0.014, 0.030, True),
        (0.03, 0.03, False),
    ],
)
def test_who_is_nearer_than_the_server_is_told_and_proves_nothing(
    here: float, there: float, is_near: bool
) -> None:
    some = everywhere(phases={Phase.CONNECT: here})
    elsewhere = {one.seen.endpoint.address: there for one in some[:2]}
    near = gate_round(*some, connect_elsewhere=elsewhere)
    standing = judge_gate(near)
    assert standing.word is Word.FINE
    assert standing.signatures == (("nearer_than_other_ports",) if is_near else ())


@pytest.mark.parametrize(
    ("hello", "banner", "is_told"),
    [
        ("mx.test at your service, [10.0.0.9]", None, True),
        ("mx.test Hello probe.test [192.168.7.7]", None, True),
        ("mx.test Hello probe.test [IPv6:fd00::7]", None, True),
        ("mx.test at your service, [8.8.8.8]", None, False),
        ("mx.test Hello [mx.test]", None, False),
        ("mx.test", "* OK Gimap ready for requests from 172.16.0.4 x1", True),
        ("mx.test", "* OK Gimap ready for requests from 8.8.4.4 x1", False),
        ("mx.test [10.0.0.9]", None, False),
        (None, None, False),
    ],
)
def test_the_address_that_a_control_sees_us_at(hello: str | None, banner: str | None, is_told: bool) -> None:
    some = [
        asked(replace(one, banner=None), **CLEAR, hello=hello, banner=banner or greeting_of(number))
        for number, one in enumerate(controls()[:1])
    ]
    signs = names_of(gate_round(*some))
    assert ("private_client_address" in signs) is is_told
    private = replace(gate_round(*some), gate=replace(GATE, realm=Realm.PRIVATE))
    assert "private_client_address" not in names_of(private)
