"""The walk down the versions: what each answer settles, what it costs, and real servers of every set."""

import itertools
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.protocol.client_hello import VERSIONS, Hello
from scanner.protocol.server_hello import Alert, Answer, NoHello, ServerHello, Silence, Ssl2Hello
from scanner.protocol.version_notes import Reconciled, Sign, reconcile
from scanner.protocol.version_walk import MOST_HELLOS, MOST_TRIES, VersionWalk
from tests.protocol.budget import tries
from tests.protocol.hello_reader import SUPPORTED_VERSIONS, read_hello
from tests.protocol.hello_servers import (
    DEFAULT,
    TLS_VERSIONS,
    bundled,
    by,
    system,
    walk_by,
    write_identity,
)
from tests.protocol.identities import HOST, Authority, Identity

SETS = [some for n in (1, 2, 3, 4) for some in itertools.combinations(TLS_VERSIONS, n)]
RETRY = ServerHello("TLSv1.3", 0x1301, 0x001D, is_retry=True)
CLOSED, RESET = NoHello(Silence.CLOSED), NoHello(Silence.RESET, "Connection reset by peer")
SILENT, MALFORMED = NoHello(Silence.TIMEOUT), NoHello(Silence.MALFORMED, "an alert of 1 bytes")
TEXT = NoHello(Silence.NOT_TLS, "454 4.7.0 TLS not available")

Walked = tuple[VersionWalk, list[Hello]]


@pytest.fixture
def identity(certificates: Authority) -> Identity:
    return certificates.issue(HOST)


def hello_of(version: str) -> ServerHello:
    return RETRY if version == "TLSv1.3" else ServerHello(version, 0xC02F)


def answering(
    accepted: Collection[str],
    refusal: Answer = Alert(2, 70),  # noqa: B008 - a frozen value
) -> Callable[[Hello], Answer]:
    """Return a server that picks its highest version of those offered, and refuses with that answer."""

    def answer(hello: Hello) -> Answer:
        if hello.version == "SSLv2":
            return Ssl2Hello(3) if "SSLv2" in accepted else refusal
        suitable = [name for name in accepted if 1 <= VERSIONS.index(name) <= VERSIONS.index(hello.version)]
        return hello_of(max(suitable, key=VERSIONS.index)) if suitable else refusal

    return answer


def walk_script(*script: Answer, then: Callable[[Hello], Answer] | None = None) -> Walked:
    """Walk with these answers, in their order; what comes after them is answered by `then`, or must not."""
    rest = iter(script)
    walk = VersionWalk(HOST, os.urandom)

    def answer(hello: Hello) -> Answer:
        found = next(rest, None)
        if found is not None:
            return found
        assert then is not None, f"asked once more, for {hello.version}"
        return then(hello)

    hellos = walk_by(walk, answer)
    assert not list(rest), "not all was asked"
    return walk, hellos


def asked(hellos: Iterable[Hello]) -> str:
    """Return the versions asked for, as in "1.3 1.2 1.2"."""
    return " ".join(hello.version.removeprefix("TLSv") for hello in hellos)


def accepted(walk: VersionWalk, *, is_on: bool | None = True) -> str:
    """Return the versions with that result, the newest first."""
    return " ".join(name.removeprefix("TLSv") for name in reversed(VERSIONS) if walk.versions[name] is is_on)


def suites_of(hello: Hello) -> list[int]:
    return read_hello(hello.data).suites


@pytest.mark.parametrize(
    ("on", "questions"),
    [
        (["TLSv1.3", "TLSv1.2"], "1.3 1.2 1.1"),
        (["TLSv1.3"], "1.3 1.2"),
        (["TLSv1.2"], "1.3 1.1 SSLv2"),
        (["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0"], "1.3 1.2 1.1 1.0 SSLv3"),
        (["TLSv1.2", "TLSv1.1", "TLSv1.0"], "1.3 1.1 1.0 SSLv3 SSLv2"),
        (["TLSv1.2", "TLSv1.0"], "1.3 1.1 SSLv3 SSLv2"),
        (["TLSv1.0"], "1.3 SSLv3 SSLv2"),
        (["SSLv3"], "1.3 SSLv2"),
        (["TLSv1.0", "SSLv3", "SSLv2"], "1.3 SSLv3 SSLv2"),
        (list(VERSIONS[1:]), "1.3 1.2 1.1 1.0 SSLv3 SSLv2"),
        (list(VERSIONS), "1.3 1.2 1.1 1.0 SSLv3 SSLv2"),
        (["TLSv1.3", "SSLv3"], "1.3 1.2 SSLv2"),
    ],
)
def test_n_accepted_versions_cost_n_plus_1_hellos_and_ssl2_one_more(on: list[str], questions: str) -> None:
    walk = VersionWalk(HOST, os.urandom)

    hellos = walk_by(walk, answering(on))

    assert asked(hellos) == questions
    assert walk.versions == {name: name in on for name in VERSIONS}
    assert list(walk.versions) == list(VERSIONS)
    # SSLv3 is the last to ask for: where it is on, nothing is left to refuse, and nothing settles SSLv2.
    tls = [name for name in on if name != "SSLv2"]
    assert len(hellos) == len(tls) + ("SSLv3" not in on) + ("TLSv1.3" not in on or "SSLv3" in on)
    assert not walk.notes
    assert walk.evidence.keys() == set(VERSIONS)


@pytest.mark.parametrize("on", SETS)
def test_real_servers_with_any_set_of_versions(
    on: tuple[str, ...], identity: Identity, tmp_path: Path
) -> None:
    """With every hole there can be; OpenSSL 3 and later ones differ in how they refuse SSLv2.

    So they do with SSLv3, by alert 40 or 70, and only the latter spares the hello of SSLv2.
    """
    for server in (bundled(identity, on), system(write_identity(identity, tmp_path), on)):
        walk = VersionWalk(HOST, os.urandom)

        hellos = walk_by(walk, by(server))

        found = dict(walk.versions)
        is_ssl2_asked = "TLSv1.3" not in on or not walk.evidence["SSLv3"].startswith("alert 70")
        assert not is_ssl2_asked or {"TLSv1.3", "TLSv1.0"} & set(on) != {"TLSv1.3"}
        assert found.pop("SSLv2") in ((False, None) if is_ssl2_asked else (False,))
        assert found == {name: name in on for name in VERSIONS[1:]}
        assert len(hellos) == len(on) + 1 + is_ssl2_asked
        assert (hellos[-1].version == "SSLv2") is is_ssl2_asked
        assert not walk.notes


def test_each_hello_has_its_own_random_and_the_server_s_name() -> None:
    _, hellos = walk_script(Alert(2, 40), then=answering(["TLSv1.2", "TLSv1.0"]))

    read = [read_hello(hello.data) for hello in hellos if hello.version != "SSLv2"]
    assert len({hello.random for hello in read}) == len(read) > 2
    assert {hello.name for hello in read} == {HOST, None}
    assert [hello.name for hello in read if hello.extensions is None] == [None]


def test_facts_4_4_server_hello_settles_all_between_offer_and_choice() -> None:
    walk, hellos = walk_script(ServerHello("TLSv1.1", 5), Alert(2, 70), Alert(2, 70))

    assert asked(hellos) == "1.3 1.0 SSLv2"
    assert accepted(walk) == "1.1"
    assert accepted(walk, is_on=False) == "1.3 1.2 1.0 SSLv3 SSLv2"
    assert walk.evidence["TLSv1.2"] == "ServerHello of TLSv1.1"


def test_facts_4_4_server_hello_above_the_offer_proves_nothing() -> None:
    walk, hellos = walk_script(RETRY, RETRY, RETRY)

    assert asked(hellos) == "1.3 1.2 1.2"
    assert accepted(walk) == "1.3"
    assert accepted(walk, is_on=None) == "1.2 1.1 1.0 SSLv3 SSLv2"
    assert "not offered" in walk.evidence["TLSv1.2"]


def test_facts_4_4_hello_retry_request_is_an_answer_and_names_the_group() -> None:
    walk, _ = walk_script(RETRY, Alert(2, 70))

    assert accepted(walk) == "1.3"
    assert walk.evidence["TLSv1.3"] == "HelloRetryRequest of TLSv1.3"
    assert walk.retry == RETRY


def test_facts_4_4_alert_70_protocol_version_is_sure_for_all_below() -> None:
    walk, hellos = walk_script(RETRY, ServerHello("TLSv1.2", 5), Alert(2, 70))

    assert asked(hellos) == "1.3 1.2 1.1"
    assert accepted(walk, is_on=False) == "1.1 1.0 SSLv3 SSLv2"
    assert walk.evidence["SSLv3"] == "alert 70 (protocol_version)"
    assert "not asked" in walk.evidence["SSLv2"]


def test_facts_4_4_alert_70_from_a_server_that_took_nothing_yet_is_not_believed_for_all() -> None:
    """Some old servers refuse what is above them where they ought to choose a lower one."""
    walk, hellos = walk_script(
        Alert(2, 70), Alert(2, 70), Alert(2, 70), ServerHello("TLSv1.0", 5), Alert(2, 40), Alert(2, 70)
    )

    assert asked(hellos) == "1.3 1.2 1.1 1.0 SSLv3 SSLv2"
    assert accepted(walk) == "1.0"
    assert accepted(walk, is_on=None) == ""


def test_facts_4_4_alert_40_handshake_failure_is_repeated_with_other_suites_before_off() -> None:
    walk, hellos = walk_script(RETRY, ServerHello("TLSv1.2", 5), Alert(2, 40), Alert(2, 40), Alert(2, 70))

    assert asked(hellos) == "1.3 1.2 1.1 1.1 SSLv2"
    assert set(suites_of(hellos[3])) - set(suites_of(hellos[2]))
    assert accepted(walk) == "1.3 1.2"
    assert accepted(walk, is_on=False) == "1.1 1.0 SSLv3 SSLv2"
    assert walk.evidence["TLSv1.0"] == "alert 40 (handshake_failure)"


def test_facts_4_4_alert_40_other_suites_may_find_the_version() -> None:
    walk, hellos = walk_script(
        RETRY, Alert(2, 40), ServerHello("TLSv1.2", 0x00A6), Alert(2, 40), Alert(2, 70)
    )

    assert asked(hellos) == "1.3 1.2 1.2 1.1 1.1"
    assert accepted(walk) == "1.3 1.2"


def test_facts_4_4_alert_40_at_12_says_nothing_of_the_versions_below() -> None:
    """The suites of 1.2 are its own. What was refused once is not offered again."""
    walk, hellos = walk_script(
        RETRY, Alert(2, 40), Alert(2, 40), ServerHello("TLSv1.1", 5), Alert(2, 40), Alert(2, 40)
    )

    assert asked(hellos) == "1.3 1.2 1.2 1.1 1.0 SSLv2"
    assert accepted(walk) == "1.3 1.1"
    assert accepted(walk, is_on=False) == "1.2 1.0 SSLv3 SSLv2"


def test_facts_4_4_alert_40_to_everything() -> None:
    walk, hellos = walk_script(then=lambda _: Alert(2, 40))

    assert asked(hellos) == "1.3 1.3 1.2 1.1 1.0 SSLv3 SSLv2"
    assert accepted(walk, is_on=False) == "1.3 1.2 1.1 1.0 SSLv3 SSLv2"


def test_facts_4_4_alert_40_is_how_ssl3_says_70() -> None:
    walk, hellos = walk_script(ServerHello("TLSv1.0", 5), Alert(2, 40), Alert(2, 70))

    assert asked(hellos) == "1.3 SSLv3 SSLv2"
    assert walk.versions["SSLv3"] is False


def test_facts_4_4_alert_80_internal_error_is_enabled_but_unusable() -> None:
    walk, hellos = walk_script(
        RETRY, ServerHello("TLSv1.2", 5), Alert(2, 80), Alert(2, 80), Alert(2, 80), Alert(2, 40), Alert(2, 70)
    )

    assert asked(hellos) == "1.3 1.2 1.1 1.1 1.0 SSLv3 SSLv2"
    assert accepted(walk) == "1.3 1.2"
    assert accepted(walk, is_on=None) == ""
    assert [(note.sign, note.version) for note in walk.notes] == [
        (Sign.UNUSABLE, "TLSv1.1"),
        (Sign.UNUSABLE, "TLSv1.0"),
    ]


def test_facts_4_4_alert_80_of_a_real_server_whose_security_level_forbids_what_is_enabled(
    identity: Identity, tmp_path: Path
) -> None:
    server = system(write_identity(identity, tmp_path), TLS_VERSIONS, DEFAULT)
    walk = VersionWalk(HOST, os.urandom)

    walk_by(walk, by(server))

    assert accepted(walk) == "1.3 1.2"
    assert accepted(walk, is_on=None) == ""
    assert [note.version for note in walk.notes if note.sign is Sign.UNUSABLE] in (
        ["TLSv1.1", "TLSv1.0"],
        [],  # from OpenSSL 4 on such a server says 70
    )
    assert bool(walk.notes) is (walk.evidence["TLSv1.1"] == "alert 80 (internal_error)")


def test_facts_4_4_alert_80_once_is_a_trouble_that_passed() -> None:
    walk, _ = walk_script(Alert(2, 80), RETRY, Alert(2, 70))

    assert accepted(walk) == "1.3"
    assert not walk.notes


@pytest.mark.parametrize("code", [47, 50, 10])
def test_facts_4_4_alerts_47_50_10_ask_for_a_smaller_hello(code: int) -> None:
    walk, hellos = walk_script(Alert(2, code), RETRY, Alert(2, 70))

    assert asked(hellos) == "1.3 1.3 1.2"
    assert len(hellos[1].data) < len(hellos[0].data)
    assert accepted(walk) == "1.3"


@pytest.mark.parametrize("code", [47, 50, 10, 71])
def test_facts_4_4_alerts_47_50_10_71_again_are_unknown(code: int) -> None:
    walk, hellos = walk_script(
        Alert(2, code), Alert(2, code), ServerHello("TLSv1.2", 5), Alert(2, 70), Alert(2, 70)
    )

    assert asked(hellos) == "1.3 1.3 1.2 1.1 SSLv2"
    assert walk.versions["TLSv1.3"] is None
    assert accepted(walk) == "1.2"


def test_facts_4_4_alert_71_insufficient_security_asks_for_strong_suites() -> None:
    walk, hellos = walk_script(Alert(2, 71), RETRY, Alert(2, 70))

    assert asked(hellos) == "1.3 1.3 1.2"
    assert not {0x0005, 0x000A, 0x1301, 0xC02F, 0x002F} & set(suites_of(hellos[1]))
    assert accepted(walk) == "1.3"


@pytest.mark.parametrize("level", [1, 2])
def test_facts_4_4_alert_112_unrecognized_name_is_repeated_without_a_name(level: int) -> None:
    walk, hellos = walk_script(Alert(level, 112), RETRY, Alert(2, 70))

    assert asked(hellos) == "1.3 1.3 1.2"
    assert [read_hello(hello.data).name for hello in hellos] == [HOST, None, None]
    assert accepted(walk) == "1.3"


def test_facts_4_4_alert_112_without_a_name_is_unknown() -> None:
    walk, hellos = walk_script(Alert(2, 112), Alert(2, 112), then=answering(["TLSv1.2"]))

    assert asked(hellos) == "1.3 1.3 1.2 1.1 SSLv2"
    assert walk.versions["TLSv1.3"] is None


@pytest.mark.parametrize("code", [109, 116])
def test_facts_4_4_alerts_109_116_come_from_the_code_of_13(code: int) -> None:
    walk, hellos = walk_script(Alert(2, code), Alert(2, 70))

    assert asked(hellos) == "1.3 1.2"
    assert accepted(walk) == "1.3"
    assert walk.retry is None


@pytest.mark.parametrize("code", [109, 116, 120, 86, 0, 255])
def test_facts_4_4_alert_120_and_others_are_unknown(code: int) -> None:
    walk, hellos = walk_script(RETRY, Alert(2, code), Alert(2, code), Alert(2, 70))

    assert asked(hellos) == "1.3 1.2 1.2 1.1"
    assert walk.versions["TLSv1.2"] is None
    assert str(code) in walk.evidence["TLSv1.2"]


@pytest.mark.parametrize("answer", [CLOSED, RESET, SILENT, MALFORMED], ids=lambda answer: answer.how.name)
def test_facts_4_4_rst_eof_silence_is_repeated_once_and_never_off(answer: NoHello) -> None:
    """A server that accepted something and hangs up on less is asked nothing more."""
    walk, hellos = walk_script(RETRY, ServerHello("TLSv1.2", 5), answer, answer)

    assert asked(hellos) == "1.3 1.2 1.1 1.1"
    assert accepted(walk) == "1.3 1.2"
    assert accepted(walk, is_on=None) == "1.1 1.0 SSLv3 SSLv2"
    assert walk.evidence["TLSv1.1"].startswith(answer.how.name.lower())
    assert walk.evidence["SSLv2"] == f"not asked: no usable answer to TLSv1.1 ({walk.evidence['TLSv1.1']})"
    assert not walk.notes


def test_facts_4_4_eof_once_is_a_trouble_that_passed() -> None:
    walk, hellos = walk_script(RETRY, CLOSED, ServerHello("TLSv1.2", 5), Alert(2, 70))

    assert asked(hellos) == "1.3 1.2 1.2 1.1"
    assert accepted(walk, is_on=None) == ""


def test_facts_4_4_eof_for_a_hello_that_a_server_cannot_take_does_not_hide_what_it_can() -> None:
    walk, hellos = walk_script(CLOSED, CLOSED, ServerHello("TLSv1.2", 5), Alert(2, 70), CLOSED)

    assert asked(hellos) == "1.3 1.3 1.2 1.1 SSLv2"
    assert accepted(walk) == "1.2"
    assert accepted(walk, is_on=None) == "1.3 SSLv2"
    assert accepted(walk, is_on=False) == "1.1 1.0 SSLv3"


def test_facts_4_4_eof_for_everything_ends_after_five_hellos() -> None:
    walk, hellos = walk_script(then=lambda _: CLOSED)

    assert asked(hellos) == "1.3 1.3 1.2 1.1 1.0"
    assert accepted(walk, is_on=None) == "1.3 1.2 1.1 1.0 SSLv3 SSLv2"


def test_facts_4_4_smtp_text_instead_of_a_record_is_flagged_and_ends_the_walk() -> None:
    walk, hellos = walk_script(RETRY, TEXT)

    assert asked(hellos) == "1.3 1.2"
    assert [(note.sign, note.version) for note in walk.notes] == [(Sign.PLAINTEXT, "TLSv1.2")]
    assert "454 4.7.0" in walk.notes[0].detail
    assert accepted(walk, is_on=None) == "1.2 1.1 1.0 SSLv3 SSLv2"


@pytest.mark.parametrize(
    ("answer", "is_on"),
    [
        (Ssl2Hello(3), True),
        (Ssl2Hello(0), False),
        (Alert(2, 70), False),
        (Alert(2, 40), False),
        (Alert(2, 47), False),
        (CLOSED, None),
        (SILENT, None),
        (TEXT, None),
    ],
)
def test_facts_4_5_ssl2_is_asked_once_and_zero_suites_are_noted(answer: Answer, is_on: bool | None) -> None:
    walk, hellos = walk_script(ServerHello("TLSv1.2", 5), Alert(2, 70), answer)

    assert asked(hellos) == "1.3 1.1 SSLv2"
    assert walk.versions["SSLv2"] is is_on
    assert [note.sign for note in walk.notes] == [Sign.UNUSABLE] * (answer == Ssl2Hello(0))


@pytest.mark.parametrize("refusal", [Alert(2, code) for code in (0, 10, 40, 47, 50, 71, 80, 120)], ids=str)
@pytest.mark.parametrize("is_on", [True, False])
def test_facts_4_5_ssl2_is_asked_beside_13_where_another_alert_than_70_refuses(
    refusal: Alert, is_on: bool
) -> None:
    """Such a server has not hung up: it answers, and so it may tell."""
    server = answering(["TLSv1.3", "TLSv1.2", *(["SSLv2"] if is_on else [])], refusal)
    walk, hellos = walk_script(then=server)

    assert [hello.version for hello in hellos].count("SSLv2") == 1
    assert accepted(walk) == ("1.3 1.2 SSLv2" if is_on else "1.3 1.2")
    assert "not asked" not in walk.evidence["SSLv2"]


@pytest.mark.parametrize(
    ("answer", "questions", "is_on"),
    [
        (CLOSED, "1.3 1.2 SSLv3 SSLv3 SSLv2", True),
        (Alert(2, 40), "1.3 1.2 SSLv3 SSLv2", True),
        (Alert(2, 70), "1.3 1.2 SSLv3", False),
    ],
)
def test_facts_4_5_ssl2_beside_13_and_10_is_asked_unless_70_refuses_ssl3(
    answer: Answer, questions: str, is_on: bool
) -> None:
    """The second hello offers TLS 1.2 and is answered by TLS 1.0."""
    walk, hellos = walk_script(then=answering(["TLSv1.3", "TLSv1.0", "SSLv2"], answer))

    assert asked(hellos) == questions
    assert walk.versions["SSLv2"] is is_on


def test_facts_4_5_ssl2_is_asked_without_13_also_where_older_versions_are_hung_up_on() -> None:
    walk, hellos = walk_script(then=answering(["TLSv1.2", "SSLv2"], CLOSED))

    assert asked(hellos) == "1.3 1.1 1.1 SSLv2"
    assert accepted(walk) == "1.2 SSLv2"


def test_facts_4_5_ssl2_hung_up_on_beside_13_and_ssl3_is_unknown() -> None:
    walk, hellos = walk_script(then=answering(["TLSv1.3", "SSLv3"], CLOSED))

    assert asked(hellos) == "1.3 1.2 SSLv2"
    assert accepted(walk, is_on=None) == "SSLv2"
    assert walk.evidence["SSLv2"] == "closed"


def test_an_ssl2_hello_in_answer_to_tls_proves_nothing() -> None:
    walk, _ = walk_script(Ssl2Hello(3), Ssl2Hello(3), then=answering(["TLSv1.2"]))

    assert walk.versions["TLSv1.3"] is None
    assert walk.versions["SSLv2"] is False


@pytest.mark.parametrize(
    ("chosen", "sentinel", "unknown"), [("TLSv1.2", "TLSv1.2", "1.3"), ("TLSv1.0", "TLSv1.1", "1.3 1.2 1.1")]
)
def test_facts_4_7_sentinel_present_in_answer_to_13_is_tampering(
    chosen: str, sentinel: str, unknown: str
) -> None:
    walk, _ = walk_script(ServerHello(chosen, 5, sentinel=sentinel), then=answering([chosen]))

    assert [(note.sign, note.version) for note in walk.notes] == [(Sign.TAMPERED, "TLSv1.3")]
    assert accepted(walk) == chosen.removeprefix("TLSv")
    assert accepted(walk, is_on=None) == unknown
    assert "sentinel" in walk.evidence["TLSv1.3"]


def test_facts_4_7_sentinel_present_in_answer_to_less_is_in_order() -> None:
    walk, _ = walk_script(RETRY, ServerHello("TLSv1.2", 5, sentinel="TLSv1.2"), Alert(2, 70))

    assert not walk.notes
    assert accepted(walk) == "1.3 1.2"


def test_facts_4_7_sentinel_of_a_real_server_behind_a_box_that_hides_13(
    identity: Identity, tmp_path: Path
) -> None:
    """The box makes another of the extension by which TLS 1.3 is offered."""

    def lower(data: bytes) -> bytes:
        extension = SUPPORTED_VERSIONS.to_bytes(2, "big") + b"\0\x09\x08\3\4"
        return data.replace(extension, b"\x4a\x4a" + extension[2:])

    for server in (bundled(identity, TLS_VERSIONS), system(write_identity(identity, tmp_path), TLS_VERSIONS)):
        walk = VersionWalk(HOST, os.urandom)

        walk_by(walk, by(lambda data, server=server: server(lower(data))))  # type: ignore[misc]

        assert [note.sign for note in walk.notes] == [Sign.TAMPERED]
        assert walk.versions["TLSv1.3"] is None
        assert accepted(walk) == "1.2 1.1 1.0"


@pytest.mark.parametrize("answers", [[], [RETRY], [RETRY, ServerHello("TLSv1.2", 5)]])
def test_facts_4_9_the_first_421_stops_the_walk(answers: list[Answer]) -> None:
    walk = VersionWalk(HOST, os.urandom)
    for answer in answers:
        walk.next()
        walk.take(answer)
    assert walk.next() is not None

    walk.stop("421 4.7.0 too many connections")

    assert walk.next() is None
    known = {*("TLSv1.3", "TLSv1.2")[: len(answers)]}
    assert {name for name in VERSIONS if walk.versions[name] is not None} == known
    assert [(note.sign, note.detail) for note in walk.notes] == [
        (Sign.STOPPED, "421 4.7.0 too many connections")
    ]
    walk.take(Alert(2, 70))
    walk.stop("again")
    assert {name for name in VERSIONS if walk.versions[name] is not None} == known
    assert len(walk.notes) == 1


ANSWERS = st.one_of(
    st.sampled_from([RETRY, CLOSED, RESET, SILENT, MALFORMED, TEXT, Ssl2Hello(0), Ssl2Hello(4)]),
    st.builds(
        Alert, st.sampled_from([1, 2]), st.sampled_from([0, 10, 40, 47, 50, 70, 71, 80, 109, 112, 116])
    ),
    st.builds(
        ServerHello,
        st.sampled_from(VERSIONS[1:]),
        st.just(5),
        sentinel=st.sampled_from([None, "TLSv1.2", "TLSv1.1"]),
    ),
)


@given(script=st.lists(ANSWERS, min_size=MOST_HELLOS, max_size=MOST_HELLOS))
@tries(500)
def test_whatever_is_answered_the_walk_is_short_and_invents_nothing(script: list[Answer]) -> None:
    rest = iter(script)
    walk = VersionWalk(HOST, os.urandom)

    hellos = walk_by(walk, lambda _: next(rest))

    names = [hello.version for hello in hellos]
    assert len(names) <= MOST_HELLOS
    assert all(names.count(name) <= MOST_TRIES for name in names)
    places = [VERSIONS.index(name) for name in names]
    assert places == sorted(places, reverse=True)
    for name in VERSIONS:
        if walk.versions[name]:
            assert any(_is_word_for(name, answer) for answer in script[: len(names)])
        if walk.versions[name] is not None:
            assert name in walk.evidence
    assert all(text.isprintable() for text in walk.evidence.values())


def _is_word_for(name: str, answer: Answer) -> bool:
    """Tell whether an answer can be the reason to call a version accepted."""
    if isinstance(answer, ServerHello):
        return answer.version == name
    if isinstance(answer, Alert):
        return name == "TLSv1.3" and answer.code in (109, 116)
    return name == "SSLv2" and answer == Ssl2Hello(4)


def test_a_version_that_was_negotiated_is_accepted_and_all_that_the_walk_called_off_is_unproven() -> None:
    found = reconcile({**dict.fromkeys(VERSIONS, False), "TLSv1.1": None}, "TLSv1.3")

    assert found.versions == {**dict.fromkeys(VERSIONS), "TLSv1.3": True}
    assert found.note is not None
    assert (found.note.sign, found.note.version) == (Sign.CONTRADICTED, "TLSv1.3")
    assert "TLSv1.2" in found.note.detail
    assert "TLSv1.1" not in found.note.detail


@pytest.mark.parametrize("negotiated", [None, "TLSv1.2", "TLSv1.3", "DTLSv1.2"])
def test_where_nothing_contradicts_the_handshake_what_the_walk_found_stands(negotiated: str | None) -> None:
    walked = {**dict.fromkeys(VERSIONS, False), "TLSv1.2": True, "TLSv1.3": None}

    found = reconcile(walked, negotiated)

    assert found.note is None
    assert found.versions == (walked if negotiated != "TLSv1.3" else walked | {"TLSv1.3": True})


@given(
    walked=st.fixed_dictionaries({name: st.sampled_from([True, False, None]) for name in VERSIONS}),
    negotiated=st.sampled_from([None, *VERSIONS]),
)
def test_what_was_reconciled_once_is_reconciled_for_good(
    walked: dict[str, bool | None], negotiated: str | None
) -> None:
    found = reconcile(walked, negotiated)

    assert negotiated is None or found.versions[negotiated] is True
    assert reconcile(found.versions, negotiated) == Reconciled(found.versions)
    assert all(found.versions[name] for name, is_on in walked.items() if is_on)
    assert not [
        name for name, is_on in walked.items() if found.versions[name] is False and is_on is not False
    ]
