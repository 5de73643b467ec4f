"""The command `baseline`: shows what is remembered of endpoints, and orders the service to change it."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from scanner.cli.baseline_view import WHEN, build_views, tell_change, to_json
from scanner.cli.console import give_up
from scanner.cli.foresight import View, foresee, look_at, why_not
from scanner.cli.kept import Source, open_source
from scanner.cli.output import make_console
from scanner.cli.search import find_endpoints
from scanner.service.orders import write_argument
from scanner.store import add_order

_EFFECT = {
    "accept": "what was seen last becomes its baseline",
    "reset": "its baseline is forgotten and learnt anew",
    "pin": "its baseline is fixed as it is",
    "unpin": "its baseline is learnt on",
}
_ALREADY = {
    "accept": "its baseline is what was seen last; nothing to accept",
    "reset": "it has no baseline; nothing to reset",
    "pin": "it is pinned already; nothing to do",
    "unpin": "it is not pinned; nothing to do",
}


def show_baseline(text: str, *, address: str | None, config: Path | None, is_json: bool) -> None:
    """Print what is remembered of the endpoints that a target means."""
    with open_source(config) as source:
        views = look_at(source, find_endpoints(source, text, address))
        if is_json:
            typer.echo(json.dumps([to_json(view) for view in views], ensure_ascii=False, indent=1))
        else:
            make_console(sys.stdout).print(build_views(views))


def order_baseline(action: str, text: str, *, address: str | None, config: Path | None) -> None:
    """Leave an order about every endpoint that a target means, and say what will come of it."""
    with open_source(config) as source:
        views = look_at(source, find_endpoints(source, text, address))
        refused = [(view, why) for view in views if (why := why_not(action, view)) is not None]
        able = [view for view in views if why_not(action, view) is None]
        if not able:
            give_up([f"{view.name}: {why}" for view, why in refused])
        left = [view for view in able if _order(action, view, source)]
        for view, why in refused:
            typer.echo(f"{view.name}: left as it is: {why}")
        _sum_up(left, source)


def _order(action: str, view: View, source: Source) -> bool:
    """Leave one order, if it would change anything; say so either way."""
    changes = foresee(action, view)
    if not changes:
        typer.echo(f"{view.name}: {_ALREADY[action]}")
        return False
    add_order(source.place, action, write_argument(view.key, view.kept.domains, source.vantage))
    typer.echo(f"{view.name}: {_EFFECT[action]}")
    for change in changes:
        typer.echo(f"    {tell_change(change)}")
    return True


def _sum_up(left: Sequence[View], source: Source) -> None:
    if not left:
        typer.echo("No order was left.")
        return
    number = f"{len(left)} {'order' if len(left) == 1 else 'orders'}"
    typer.echo(f"{number} left in {source.place}: {WHEN}.")
