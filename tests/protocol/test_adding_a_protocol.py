"""docs/adding-a-protocol.md: its dialogue, in the place of another, holds its conversation."""

import re
from pathlib import Path
from typing import Any

import pytest

from scanner.model import Protocol, Reason
from scanner.protocol import End, TlsClient
from scanner.protocol.session import DIALOGUES
from tests.protocol.conftest import Serve
from tests.protocol.replay import Player, as_text, make_session
from tests.protocol.transcript import Transcript, read_transcript

PAGE = (Path(__file__).parents[2] / "docs" / "adding-a-protocol.md").read_text("utf-8")
STAND_IN = Protocol.POP3
"""Its place in the table of dialogues is lent to the new one."""


@pytest.fixture(autouse=True)
def dialogue(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(compile(code, "adding-a-protocol.md", "exec"), names)  # noqa: S102 - our own page
    monkeypatch.setitem(DIALOGUES, STAND_IN, names["managesieve"])


@pytest.fixture
def transcript(tmp_path: Path) -> Transcript:
    (text,) = re.findall(r"^```\n(protocol: managesieve\n.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    file = tmp_path / "page.txt"
    file.write_text(text.replace("protocol: managesieve", f"protocol: {STAND_IN}"), "utf-8")
    return read_transcript(file)


@pytest.mark.parametrize("replay", ["whole", "bytes"])
def test_the_transcript_is_played(
    replay: str, transcript: Transcript, tls: TlsClient, server_of: Serve
) -> None:
    session = make_session(transcript, tls)
    player = Player(transcript, session, server_of(transcript.certificate, *transcript.versions), replay)
    player.play()
    assert as_text(session.found) == transcript.expected
    assert player.client_lines == [b"STARTTLS\r\n", b"LOGOUT\r\n"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b'BYE "too many connections"\r\n', Reason.GREETING_REJECTED),
        (b"+OK POP3 ready\r\n", Reason.PROTOCOL_ERROR),
        (b'"X"\r\n' * 100, Reason.PROTOCOL_ERROR),
        (b"", Reason.CLOSED_BEFORE_GREETING),
    ],
)
def test_other_greetings_end_with_a_reason(
    said: bytes, reason: Reason, transcript: Transcript, tls: TlsClient
) -> None:
    session = make_session(transcript, tls)
    session.begin()
    session.receive(said)
    if not session.is_done:
        session.interrupt(End.CLOSED)
    assert session.is_done
    assert session.found.reason is reason
