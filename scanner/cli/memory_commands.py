"""The commands about what `mailport serve` remembers: baselines, events, judging history again."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

# What these commands do is imported when one runs: the store takes long to import, and `scan` needs none.

baseline = typer.Typer(
    name="baseline",
    help="Show what mailport serve remembers of endpoints, and accept, reset, pin or unpin it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

TargetArgument = Annotated[
    str, typer.Argument(metavar="TARGET", help="example.org, host, host:25, smtp://host:2525 ...")
]
AddressOption = Annotated[
    str | None, typer.Option("--address", metavar="IP", help="Only endpoints at this address.")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The configuration of mailport serve: where its store is."),
]


class Form(StrEnum):
    """How to write what is no result of a scan."""

    TEXT = "text"
    JSON = "json"


FormOption = Annotated[Form, typer.Option("--format", help="How to write it.")]


@baseline.command()
def show(
    target: TargetArgument,
    *,
    address: AddressOption = None,
    form: FormOption = Form.TEXT,
    config: ConfigOption = None,
) -> None:
    """Show the baseline of every endpoint of a target, what stands, and what orders will change."""
    from scanner.cli.baseline import show_baseline  # noqa: PLC0415 - see above

    show_baseline(target, address=address, config=config, is_json=form is Form.JSON)


@baseline.command()
def accept(target: TargetArgument, *, address: AddressOption = None, config: ConfigOption = None) -> None:
    """Make what was seen last the baseline: the change was meant."""
    _order("accept", target, address, config)


@baseline.command()
def reset(target: TargetArgument, *, address: AddressOption = None, config: ConfigOption = None) -> None:
    """Forget the baseline, so that it is learnt anew."""
    _order("reset", target, address, config)


@baseline.command()
def pin(target: TargetArgument, *, address: AddressOption = None, config: ConfigOption = None) -> None:
    """Fix the baseline as it is: nothing is learnt and nothing ages."""
    _order("pin", target, address, config)


@baseline.command()
def unpin(target: TargetArgument, *, address: AddressOption = None, config: ConfigOption = None) -> None:
    """Let a fixed baseline be learnt on."""
    _order("unpin", target, address, config)


def _order(action: str, target: str, address: str | None, config: Path | None) -> None:
    from scanner.cli.baseline import order_baseline  # noqa: PLC0415 - see above

    order_baseline(action, target, address=address, config=config)


class EventForm(StrEnum):
    """How to write events."""

    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"


def events(
    *,
    since: Annotated[
        str | None, typer.Option(metavar="2h|TIME", help="Only since then: 2h, 3d, 2026-01-02T03:04 (UTC).")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="2h|TIME", help="Only until then.")] = None,
    severity: Annotated[
        str | None, typer.Option(metavar="notice|warning|critical", help="Only of this weight, or worse.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="Only of this kind; may be given again.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Only about endpoints of this host.")
    ] = None,
    limit: Annotated[str, typer.Option(metavar="N", help="The newest so many of them.")] = "100",
    form: Annotated[EventForm, typer.Option("--format", help="How to write them.")] = EventForm.TEXT,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with new ones until Ctrl-C.")] = False,
    config: ConfigOption = None,
) -> None:
    """List what has changed, from the store of mailport serve, oldest first."""
    from scanner.cli.events import show_events  # noqa: PLC0415 - see above

    words = {
        "since": since,
        "until": until,
        "severity": severity,
        "kind": ",".join(kind) if kind else None,
        "host": host,
        "limit": limit,
    }
    given = {name: text for name, text in words.items() if text is not None}
    raise typer.Exit(show_events(given, form=form.value, is_followed=follow, config=config))


def rejudge(
    *,
    since: Annotated[
        str | None, typer.Option(metavar="2h|TIME", help="Tell only differences since then.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Let mailport serve go on from the result; it must not run now.")
    ] = False,
    form: FormOption = Form.TEXT,
    config: ConfigOption = None,
) -> None:
    """Judge the stored history again by today's rules, and tell what differs from what was told then."""
    from scanner.cli.rejudge import rejudge as judge_again  # noqa: PLC0415 - see above

    judge_again(since=since, is_applied=apply, is_json=form is Form.JSON, config=config)
