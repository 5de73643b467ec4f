"""The command `explain`: says what a port is for, and what a pasted error or log line means."""

import json
import re
import sys
from collections.abc import Sequence

import typer

from scanner.cli.console import Exit, give_up, say
from scanner.cli.explain_view import build_port, build_reading, port_to_json, reading_to_json
from scanner.cli.prose import print_prose
from scanner.explain import MAX_CHARACTERS, read_ports, read_text

_PORT = re.compile(r"(?:port\s*)?([0-9]{1,5})(?:/tcp)?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,20}")
_HIGHEST_PORT = 65535


def explain_words(words: Sequence[str], *, is_json: bool) -> Exit:
    """Explain what was typed, quoted or not; the status is 1 where nothing is known of it."""
    text = read_words(words)
    number = _PORT.fullmatch(text.strip())
    if number is not None and _is_port(int(number[1])):
        return explain_port(int(number[1]), is_json=is_json)
    return explain_text(text, is_json=is_json)


def read_words(words: Sequence[str]) -> str:
    """Return the text to explain: the arguments, or standard input for a single `-`."""
    if list(words) == ["-"]:
        if sys.stdin is None:
            give_up("standard input: is closed; give the text as an argument")
        # One character more than is read of it, so that a longer one shows.
        text = sys.stdin.buffer.read(4 * MAX_CHARACTERS + 4).decode("utf-8", "replace")
    else:
        text = " ".join(words)
    if not text.strip():
        give_up('nothing to explain: give a port such as 587, or an error in quotes, such as "535 5.7.8"')
    return text


def _is_port(number: int) -> bool:
    """Tell whether a number alone means a port: three digits of a reply code do not, unless one knows it."""
    if number in read_ports():
        return True
    return 1 <= number <= _HIGHEST_PORT and not read_text(str(number)).is_known


def explain_port(number: int, *, is_json: bool) -> Exit:
    """Say what a port is for; 1 where it is none that mail is known to use."""
    facts = read_ports().get(number)
    if facts is None:
        if is_json:
            typer.echo(json.dumps({"kind": "port", "port": number, "known": False}, indent=1))
        mail = "587 or 465 to send, 993 to read, 995 where POP3 is needed, 25 between servers"
        say(f"mailport: port {number} is none that mail is known to use; the mail ports are {mail}")
        return Exit.FINDINGS
    if is_json:
        typer.echo(json.dumps(port_to_json(facts), ensure_ascii=False, indent=1))
    else:
        print_prose(build_port(facts))
    return Exit.DONE


def explain_text(text: str, *, is_json: bool) -> Exit:
    """Say what an error or a log line means; 1 where nothing of it is known."""
    reading = read_text(text)
    if is_json:
        typer.echo(json.dumps(reading_to_json(reading), ensure_ascii=False, indent=1))
    elif reading.is_known:
        print_prose(build_reading(reading))
    if not reading.is_known and _NUMBER.fullmatch(text.strip()):
        say(f"mailport: {text.strip()} is no port (1 to {_HIGHEST_PORT}) and no reply code that is known")
    elif not reading.is_known:
        say(
            "mailport: nothing in this text is known; leave names out and give the line with the reply code "
            '(such as "535 5.7.8 ...") or the system\'s own words ("connection refused")'
        )
    return Exit.DONE if reading.is_known else Exit.FINDINGS
