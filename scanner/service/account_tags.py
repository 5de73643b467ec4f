"""Where the key is kept that messages of round trips are tagged with, and passwords are known again by."""

from collections.abc import Mapping
from pathlib import Path

import structlog

from scanner.accounts.run_key import open_key, read_key
from scanner.accounts.tag import Tagger
from scanner.config import Settings
from scanner.config.secret_marks import SecretMarks
from scanner.store import StoreError
from scanner.store.place import default_path, find_place

log = structlog.get_logger(__name__)


def open_tagger(settings: Settings, environ: Mapping[str, str]) -> Tagger:
    """Return what tags messages, with the key that is kept in the state folder, if there is one."""
    return Tagger(_open_key(settings, environ))


def open_marks(settings: Settings, environ: Mapping[str, str]) -> SecretMarks:
    """Return what tells passwords from those before them, with the key in the state folder likewise."""
    return SecretMarks(_open_key(settings, environ))


def read_marks(settings: Settings, environ: Mapping[str, str]) -> SecretMarks:
    """Return what the service knows passwords again by; writes nothing where the service has no key yet."""
    return SecretMarks(read_key(_find_folder(settings, environ)))


def _open_key(settings: Settings, environ: Mapping[str, str]) -> bytes:
    key, problem = open_key(_find_folder(settings, environ))
    if problem is not None:
        log.warning("roundtrip_key", problem=problem)
    return key


def _find_folder(settings: Settings, environ: Mapping[str, str]) -> Path | None:
    """Return where files are kept over a restart; None where nothing is."""
    try:
        place = find_place(settings.store, environ)
        if place is None:
            return None
        return (place.path or default_path(environ)).parent
    except StoreError:
        return None
