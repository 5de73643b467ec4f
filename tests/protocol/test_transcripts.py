"""Every transcript, replayed whole, byte by byte, and with all the server's bytes already there."""

import pytest

from scanner.model import Reason
from scanner.protocol import TlsClient
from tests.protocol.conftest import Serve
from tests.protocol.replay import Player, as_text, is_forbidden, make_session
from tests.protocol.transcript import Transcript, read_all

TRANSCRIPTS = read_all()
CASES = [
    pytest.param(transcript, replay, id=f"{transcript.name}-{replay}")
    for transcript in TRANSCRIPTS
    for replay in transcript.replays
]
_UNSOUND = frozenset(
    {
        Reason.PROTOCOL_ERROR,
        Reason.CONNECTION_LOST,
        Reason.READ_TIMEOUT,
        Reason.WRONG_PROTOCOL,
        Reason.IMAP_BYE,
        Reason.NO_GREETING,
        Reason.CLOSED_BEFORE_GREETING,
        Reason.RESET_BEFORE_GREETING,
        Reason.PLAINTEXT_ON_TLS_PORT,
        Reason.TLS_ON_PLAINTEXT_PORT,
        Reason.TLS_HANDSHAKE_FAILED,
        Reason.TLS_TIMEOUT,
        Reason.TLS_CLOSED,
    }
)


@pytest.mark.parametrize(("transcript", "replay"), CASES)
def test_the_client_says_the_lines_and_finds_the_facts(
    transcript: Transcript, replay: str, tls: TlsClient, server_of: Serve
) -> None:
    session = make_session(transcript, tls)
    player = Player(transcript, session, server_of(transcript.certificate, *transcript.versions), replay)

    player.play()

    found = as_text(session.found)
    expected = dict(transcript.expected)
    if expected.get("detail", "").startswith("~ "):
        assert expected["detail"].removeprefix("~ ") in found["detail"]
        expected["detail"] = found["detail"]
    assert found == expected
    assert not [line for line in player.client_lines if is_forbidden(line)]
    assert all(seconds > 0 for seconds in session.found.phases.values())
    if session.found.reason not in _UNSOUND:
        assert player.client_lines[-1] in {b"QUIT\r\n", b"a9 LOGOUT\r\n"}


def test_each_protocol_has_its_share_of_transcripts() -> None:
    names = [transcript.protocol for transcript in TRANSCRIPTS]

    assert len(names) >= 60
    assert min(names.count(protocol) for protocol in set(names)) >= 15
