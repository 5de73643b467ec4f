"""Shows the results of account checks to a person: an account a paragraph, a line a check."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from scanner.cli.cells import GOOD, QUIET
from scanner.cli.prose import indent, pairs
from scanner.model.account import AccountCheck, AccountPhase, AccountReason, AccountTls
from scanner.model.target import escape

_BAD = "bold red"
_MODES = {
    AccountTls.IMPLICIT: "TLS",
    AccountTls.STARTTLS: "STARTTLS",
    AccountTls.NONE: "in clear",
}


def build_accounts(checks: Sequence[AccountCheck], order: Iterable[str]) -> Iterator[RenderableType]:
    """Yield the parts of the report; accounts stand in the order of the settings."""
    for name in order:
        own = [check for check in checks if check.account == name]
        if not own:
            continue
        yield Text(escape(name), "bold")
        for check in own:
            yield indent(_row(check))
            if not check.success:
                yield indent(pairs(_trouble(check)), 4)
        yield Text("")
    yield _sum(checks)


def _row(check: AccountCheck) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=9)
    table.add_column(width=12)
    table.add_column(width=8, justify="right")
    table.add_column(overflow="fold")
    word = Text("ok", GOOD) if check.success else Text("failed", _BAD)
    if _is_left_out(check):
        word = Text("not tried", _BAD)
    where = "" if check.host is None else f"{check.host}:{check.port}"
    mode = "" if check.tls_mode is None else f" {_MODES[check.tls_mode]}"
    table.add_row(
        Text(check.activity.value), word, Text(_milliseconds(check.duration), QUIET), Text(f"{where}{mode}")
    )
    extra = [part for part in (check.mechanism, _mailboxes(check), _slowest(check)) if part]
    if check.success and extra:
        table.add_row("", "", "", Text(", ".join(extra), QUIET))
    return table


def _trouble(check: AccountCheck) -> Iterator[tuple[str, RenderableType]]:
    yield "why", Text(check.reason.value if check.reason is not None else "", _BAD)
    if check.detail:
        yield "said", Text(check.detail)
    if check.advice:
        yield "do", Text(check.advice)


def _sum(checks: Sequence[AccountCheck]) -> Text:
    left_out = sum(_is_left_out(check) for check in checks)
    failed = sum(not check.success for check in checks) - left_out
    number = f"{len(checks)} {'check' if len(checks) == 1 else 'checks'}"
    if not failed and not left_out:
        return Text(f"{number}, all good", GOOD)
    parts = [number, f"{failed} failed" if failed else "", f"{left_out} not tried" if left_out else ""]
    return Text(", ".join(part for part in parts if part), _BAD)


def _is_left_out(check: AccountCheck) -> bool:
    return check.reason is AccountReason.BACKED_OFF


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def _mailboxes(check: AccountCheck) -> str | None:
    if check.mailboxes is None:
        return None
    return f"{check.mailboxes} {'mailbox' if check.mailboxes == 1 else 'mailboxes'}"


def _slowest(check: AccountCheck) -> str | None:
    """Name the step that took longest, where there are several."""
    phases: dict[AccountPhase, float] = dict(check.phases)
    if not phases:
        return None
    phase = max(phases, key=lambda one: phases[one])
    return f"longest: {phase.value} {_milliseconds(phases[phase])}"
