"""Writes the manual page, in the language of man(7)."""

from collections.abc import Iterator

from scanner import __version__
from scripts.manual.commands import Command, Option

DATE = "2026-11-23"
"""Of the release; set with the version."""
_ABOUT = """\
mailport finds the mail servers of domains, probes their ports for SMTP, IMAP and POP3 as a mail program or a
mail server would, says truly what happened, and tells Prometheus which ports are blocked or downgraded."""
_TARGETS = (
    ("example.org", "A domain: its servers are looked up. A name without MX records is a host."),
    ("mx.example.org:25", "A host and a port; IPv6 addresses in brackets."),
    (
        "smtp://host:2525",
        "A protocol, too: smtp, smtps, imap, imaps, pop3, pop3s; without the s by STARTTLS.",
    ),
)
_STATUSES = (
    ("0", "Done."),
    ("1", "There are findings at or above --fail-on."),
    ("2", "Wrong usage or configuration."),
    ("3", "mailport itself could not work: no network, no store; or, of health, the service is not well."),
    ("130", "Ctrl-C or SIGTERM ended a scan; what was found until then is kept."),
)
_ENVIRONMENT = (
    ("STATE_DIRECTORY", "The folder of the store, as systemd sets it."),
    ("XDG_STATE_HOME", "Where the store is otherwise: in mailport/ below it, or below ~/.local/state."),
    ("NOTIFY_SOCKET, WATCHDOG_USEC", "Set by systemd: serve tells it of readiness, reloads and life."),
    ("NO_COLOR", "Set to anything, it leaves tables without colours."),
)
_FILES = (
    ("config/mailport.yml", "The configuration that serve reads if it is given none."),
    ("/etc/mailport/mailport.yml", "The same for the service and in the container image."),
    ("/var/lib/mailport/mailport.db", "What the service remembers."),
)
_SIGNALS = (
    ("SIGHUP", "serve reads its configuration again; a bad one changes nothing."),
    ("SIGTERM, SIGINT", "Probes under way say goodbye, then mailport ends."),
)
_EXAMPLES = (
    ("mailport scan example.org", "Look at all mail ports of a domain once."),
    (
        "mailport scan --format ndjson --targets domains.txt --resume done.ndjson",
        "Scan a long list, and go on later.",
    ),
    ("mailport serve --config /etc/mailport/mailport.yml", "Watch, on port 9587."),
    ("mailport health --ready", "Ask whether that service has finished its first pass."),
)


def render(commands: list[Command]) -> str:
    """The whole page."""
    return "\n".join(_lines(commands)) + "\n"


def _lines(commands: list[Command]) -> Iterator[str]:
    yield r".\" Made from the command line by `make manual`. Do not edit."
    yield f'.TH MAILPORT 1 "{DATE}" "mailport {__version__}" "User Commands"'
    yield ".SH NAME"
    yield r"mailport \- watches the mail ports of domains: which are blocked, which are downgraded, and why"
    yield ".SH SYNOPSIS"
    yield r".B mailport"
    yield r".I COMMAND"
    yield r"[\fIOPTION\fR]... [\fIARGUMENT\fR]..."
    yield ".SH DESCRIPTION"
    yield from _text(_ABOUT)
    yield ".SH OPTIONS"
    yield from _options(commands[0])
    yield ".SH COMMANDS"
    for command in commands:
        if len(command.words) > 1 and not command.below:
            yield from _command(command)
    yield ".SH TARGETS"
    yield from _list(_TARGETS)
    for title, rows in (
        ("EXIT STATUS", _STATUSES),
        ("ENVIRONMENT", _ENVIRONMENT),
        ("FILES", _FILES),
        ("SIGNALS", _SIGNALS),
        ("EXAMPLES", _EXAMPLES),
    ):
        yield f".SH {title}"
        yield from _list(rows)
    yield ".SH SEE ALSO"
    yield r".BR prometheus (1),"
    yield r".BR systemd.exec (5)"


def _command(command: Command) -> Iterator[str]:
    arguments = "".join(rf" \fI{_escape(name)}\fR" for name, _ in command.arguments)
    yield f'.SS "{_escape(command.name)}"'
    yield rf"\fB{_escape(command.name)}\fR [\fIOPTION\fR]...{arguments}"
    yield ".PP"
    yield from _text(command.help)
    for name, told in command.arguments:
        yield ".TP"
        yield rf"\fI{_escape(name)}\fR"
        yield from _text(told or "See above.")
    yield from _options(command)


def _options(command: Command) -> Iterator[str]:
    for option in command.options:
        yield ".TP"
        yield _option(option)
        yield from _text(option.help)


def _option(option: Option) -> str:
    names = ", ".join(rf"\fB{_escape(name)}\fR" for name in option.names)
    return rf"{names} \fI{_escape(option.value)}\fR" if option.value else names


def _list(rows: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for name, told in rows:
        yield ".TP"
        yield rf"\fB{_escape(name)}\fR"
        yield from _text(told)


def _text(text: str) -> Iterator[str]:
    """Sentences, each on a line of its own, as manual pages are written."""
    for line in _escape(" ".join(text.split())).replace(". ", ".\n").splitlines():
        # A line that begins with a dot or an apostrophe would be a command.
        yield rf"\&{line}" if line.startswith((".", "'")) else line


def _escape(text: str) -> str:
    return text.replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq").replace("~", r"\(ti")
