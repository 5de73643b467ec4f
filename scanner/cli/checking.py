"""Checks one configuration file, of targets or of the web, and says what is in it."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from scanner.cli.starting import check_lease, check_service
from scanner.config import ConfigError, Settings, load_settings
from scanner.config.account_secrets import find_secret_warnings
from scanner.config.files import read_file
from scanner.config.load import read_yaml
from scanner.config.problem import Problem
from scanner.config.web_config import is_web_config, load_web_config
from scanner.model.shard import find_shard


def check_file(path: Path, environ: Mapping[str, str], warn: Callable[[str], None]) -> str:
    """Return in a few words what a good configuration holds; `warn` is told what to know beside it.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    if not is_web_config(path):
        settings = load_settings(path, environ)
        _check_start(path, settings, environ)
        for warning in find_secret_warnings(settings.accounts, environ):
            warn(f"{path}: {warning}")
        if settings.accounts:
            _warn_of_providers(path, settings, warn)
        targets = _count(len(settings.targets), "target")
        return f"{targets}, {_count(len(settings.accounts), 'account')}" if settings.accounts else targets
    from scanner.web.guard import make_terms  # noqa: PLC0415 - it imports the web server, which takes long

    config = load_web_config(path)
    terms = make_terms(config, path)
    users = _count(len(config.basic_auth_users), "user")
    return f"a web configuration: TLS {'off' if terms.context is None else 'on'}, {users}"


def _check_start(path: Path, settings: Settings, environ: Mapping[str, str]) -> None:
    """See that `serve` would start with it, as the shard that the environment names.

    Where it names none, `--shard` may: how many shards there are is not known here then.

    Raises:
        ConfigError: it would not.
    """
    try:
        shard = find_shard(None, environ, platform.node())
    except ValueError as error:
        raise ConfigError([Problem(str(path), None, "", str(error))]) from None
    try:
        check_lease(settings) if shard is None else check_service(settings, shard)
    except ConfigError as error:
        document = read_yaml(read_file(path), str(path), environ)
        raise ConfigError(
            replace(one, source=str(path), line=document.line_of(tuple(one.key.split("."))))
            for one in error.problems
        ) from None


def _warn_of_providers(path: Path, settings: Settings, warn: Callable[[str], None]) -> None:
    from scanner.accounts.providers import find_account_warnings  # noqa: PLC0415 - few files have accounts
    from scanner.discovery import Catalogue  # noqa: PLC0415

    for warning in find_account_warnings(settings.accounts, Catalogue(settings.catalogue)):
        warn(f"{path}: {warning}")


def _count(number: int, word: str) -> str:
    return f"{number} {word if number == 1 else f'{word}s'}"
