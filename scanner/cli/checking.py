"""Checks one configuration file, of targets or of the web, and says what is in it."""

from collections.abc import Mapping
from pathlib import Path

from scanner.config import load_settings
from scanner.config.web_config import is_web_config, load_web_config


def check_file(path: Path, environ: Mapping[str, str]) -> str:
    """Return in a few words what a good configuration holds.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    if not is_web_config(path):
        number = len(load_settings(path, environ).targets)
        return f"{number} {'target' if number == 1 else 'targets'}"
    from scanner.web.guard import make_terms  # noqa: PLC0415 - it imports the web server, which takes long

    config = load_web_config(path)
    terms = make_terms(config, path)
    number = len(config.basic_auth_users)
    users = f"{number} {'user' if number == 1 else 'users'}"
    return f"a web configuration: TLS {'off' if terms.context is None else 'on'}, {users}"
