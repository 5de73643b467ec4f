"""The key that round trips are tagged with and passwords known again by, kept for later processes."""

import os
import secrets
from pathlib import Path

KEY_BYTES = 32
FILE_NAME = "roundtrip.key"


def read_key(folder: Path | None) -> bytes | None:
    """Return the key kept in a folder, None where there is none that can be read."""
    if folder is None:
        return None
    try:
        key = (folder / FILE_NAME).read_bytes()
    except OSError:
        return None
    return key if len(key) == KEY_BYTES else None


def open_key(folder: Path | None) -> tuple[bytes, str | None]:
    """Return the key kept in a folder, a new one where there is none; and what went wrong with keeping it.

    A key that cannot be kept lasts as long as the process: what it leaves behind, no later one removes, and
    a password file that is written again as it was is a new password to it.
    """
    if folder is None:
        return secrets.token_bytes(KEY_BYTES), None
    path = folder / FILE_NAME
    try:
        return _read_or_make(path), None
    except OSError as error:
        why = f"cannot keep {path}: {error.strerror}; messages that a broken check leaves behind will stay"
        return secrets.token_bytes(KEY_BYTES), why


def _read_or_make(path: Path) -> bytes:
    """Read the key, or write it first: whole, and for its owner's eyes."""
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = b""
    if len(key) == KEY_BYTES:
        return key
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
    try:
        if key:
            draft.replace(path)  # what stands there is no key
        else:
            os.link(draft, path)  # unless another process was faster
            draft.unlink()
    except FileExistsError:
        draft.unlink()
    return path.read_bytes()
