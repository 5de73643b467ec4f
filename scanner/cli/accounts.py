"""The command `accounts`: makes the account checks of the settings once, and says how they ended."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import typer

from scanner.accounts.providers import find_account_warnings
from scanner.cli.accounts_view import build_accounts
from scanner.cli.console import Exit, give_up, run_interruptibly, say
from scanner.cli.consult import AccountForm
from scanner.cli.kept_checks import read_waiting
from scanner.cli.options import COMMAND_LINE, leave_alone, list_problems
from scanner.cli.prose import print_prose
from scanner.config import ConfigError, Settings, load_settings, override
from scanner.config.account_secrets import find_secret_warnings
from scanner.discovery import Catalogue
from scanner.model.account import AccountCheck, to_account_record
from scanner.model.record import to_line
from scanner.service.account_checks import Restraints, build_checker, check_once
from scanner.service.account_tags import open_tagger
from scanner.service.parts import build_parts
from scanner.store import StoreError

_NONE_YET = """\
mailport: {path}: there are no accounts to check; add one, with its password in a file of its own:
accounts:
  - name: support
    username: support@example.org
    password_file: /run/secrets/support\
"""


@dataclass(slots=True)
class _Results:
    """What came of the checks so far."""

    form: AccountForm
    checks: list[AccountCheck] = field(default_factory=list)

    def tell(self, check: AccountCheck) -> None:
        """Keep a result, and write it at once where each has a line of its own."""
        self.checks.append(check)
        if self.form is AccountForm.NDJSON:
            typer.echo(to_line(to_account_record(check)))


def check_accounts(
    path: Path,
    changes: dict[str, object],
    form: AccountForm,
    *,
    exclude: Path | None = None,
    is_forced: bool = False,
) -> Exit:
    """Make the checks; the status is 1 where one of them fails, or is not made for fear of a lockout."""
    settings = _read(path, changes, exclude)
    if not settings.accounts:
        say(_NONE_YET.format(path=path))
        return Exit.USAGE
    for warning in (
        *find_secret_warnings(settings.accounts, os.environ),
        *find_account_warnings(settings.accounts, Catalogue(settings.catalogue)),
    ):
        say(f"mailport: {warning}")
    results = _Results(form)
    is_whole = run_interruptibly(_check(settings, results, None if is_forced else _find_waiting(settings)))
    if form is AccountForm.JSON:
        records = [to_account_record(check) for check in results.checks]
        typer.echo(json.dumps(records, ensure_ascii=False, indent=1))
    elif form is AccountForm.TABLE and results.checks:
        print_prose(build_accounts(results.checks, [account.name for account in settings.accounts]))
    if not is_whole:
        say("mailport: interrupted; what was found until then is shown")
        return Exit.INTERRUPTED
    return Exit.DONE if all(check.success for check in results.checks) else Exit.FINDINGS


async def _check(settings: Settings, results: _Results, waiting: Restraints | None) -> None:
    parts = build_parts(settings)
    try:
        checker = build_checker(settings, parts, os.environ)
        makes_trips = any(account.makes_round_trips for account in settings.accounts)
        tagger = open_tagger(settings, os.environ) if makes_trips else None
        await check_once(settings.accounts, checker, results.tell, tagger, waiting)
    finally:
        await parts.close()


def _find_waiting(settings: Settings) -> Restraints:
    try:
        return read_waiting(settings)
    except StoreError as error:
        say(f"mailport: {error}; so all accounts are tried, also those that mailport serve holds back")
        return {}


def _read(path: Path, changes: dict[str, object], exclude: Path | None) -> Settings:
    try:
        settings = load_settings(path, os.environ, require_targets=False)
        return leave_alone(override(settings, changes, source=COMMAND_LINE), exclude)
    except ConfigError as error:
        give_up(list_problems(error))
