"""Tells an account's secret that was changed from one that was only written again, over restarts too."""

import hashlib
import hmac
import secrets

from scanner.config.account_secrets import SecretError, read_password
from scanner.config.account_settings import Account

_THIS_PROCESS = secrets.token_hex(8)
_COST = 2**14
"""Of scrypt (RFC 7914): 16 MiB and some 50 ms a guess, should the key ever lie beside what is kept."""
_SAME_BLOCKS = 8
_PROOF_BYTES = 8


def secret_mark(account: Account) -> str:
    """Return a word that changes when the secret is written anew, or the account signs in otherwise.

    It is made of nothing that is in the secret: for a file it is what the file system says of it; a variable
    changes only with a new process.
    """
    return f"{_settings_mark(account)}:{_place_mark(account)}"


def is_same_secret(mark: str, other: str) -> bool:
    """Tell whether two marks are of one secret: of a file that was not touched, or of one content.

    One without a proof, as `secret_mark` makes it, goes by the file alone.
    """
    if mark == other:
        return True
    settings, place, proof = _split(mark)
    other_settings, other_place, other_proof = _split(other)
    if settings != other_settings:
        return False
    return place == other_place or (proof != "" and hmac.compare_digest(proof.encode(), other_proof.encode()))


class SecretMarks:
    """Makes marks with a proof of what is in a password file; the password itself is not kept.

    Args:
        key: what nobody else has. Two processes with one key know an equal password again; without the key,
            what is kept tells nobody whether a guess is right.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self._known: dict[str, tuple[str, str]] = {}

    def read(self, account: Account) -> str:
        """Return the mark of an account; a file is read only where it was touched."""
        mark = secret_mark(account)
        if account.password_file is None:
            return mark
        known, proof = self._known.get(account.name, ("", ""))
        if known != mark:
            proof = self._prove(account)
            self._known[account.name] = mark, proof
        return f"{mark}:{proof}"

    def _prove(self, account: Account) -> str:
        """Return a word for the password, "" where there is none to be read."""
        try:
            password = read_password(account, {})
        except SecretError:
            return ""
        if password is None:
            return ""
        salt = hmac.digest(self._key, f"mailport secret mark\0{account.name}".encode(), "sha256")
        text = password.reveal().encode("utf-8", "surrogateescape")
        return hashlib.scrypt(text, salt=salt, n=_COST, r=_SAME_BLOCKS, p=1, dklen=_PROOF_BYTES).hex()


def _split(mark: str) -> tuple[str, str, str]:
    settings, _, rest = mark.partition(":")
    place, _, proof = rest.partition(":")
    return settings, place, proof


def _settings_mark(account: Account) -> str:
    """Return a word for whom signs in, where and how; too short to tell any of it from it."""
    command = account.token_command or ()
    parts = (account.username, account.domain, account.smtp, account.imap, account.pop3, account.mechanism)
    text = repr((*parts, str(account.password_file), account.password_env, command[:1]))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _place_mark(account: Account) -> str:
    if account.password_env is not None:
        return _THIS_PROCESS
    if account.password_file is None:
        return ""
    try:
        found = account.password_file.stat()
    except (OSError, ValueError):
        return "missing"
    return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"
