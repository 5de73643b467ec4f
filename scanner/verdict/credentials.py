"""What users sign in with: by what was measured, by what their provider says, and by what it is for."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from scanner.model import Login
from scanner.verdict.sign_in import IN_CLEAR, OAUTH

_PASSWORDS = IN_CLEAR | {"CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "NTLM"}
_WITH_PASSWORD = frozenset({Login.PASSWORD, Login.APP_PASSWORD, Login.AUTHORISATION_CODE, Login.BRIDGE})


class Purpose(StrEnum):
    """What the settings are wanted for."""

    CLIENT = "client"
    WORDPRESS = "wordpress"
    FORM = "form"
    CRM = "crm"
    AUTOMATION = "automation"

    @property
    def reads(self) -> bool:
        """Whether it reads mail too."""
        return self in {Purpose.CLIENT, Purpose.CRM}

    @property
    def has_a_person(self) -> bool:
        """Whether somebody is there to sign in by a browser, as OAuth asks for."""
        return self in {Purpose.CLIENT, Purpose.CRM}


@dataclass(frozen=True, slots=True)
class Credential:
    """The ways to sign in, the one to choose first, and who says so."""

    ways: tuple[Login, ...]
    """Empty where nothing is known of it."""
    is_by_provider: bool
    """Whether the provider's own word counts; else what the server offers inside TLS."""
    offered: tuple[str, ...] | None = None
    """The mechanisms that the server offers inside TLS; None = not told."""


def choose_credential(
    offered: tuple[str, ...] | None, by_provider: Iterable[Login], purpose: Purpose
) -> Credential:
    """Tell what to sign in with.

    A server that lists passwords may still refuse them, so the provider's word counts before the list; a way
    that the server does not offer is left out, unless nothing would be left.
    """
    said = tuple(by_provider)
    possible = _read_offer(offered)
    if not said:
        return Credential(_order(possible or (), purpose), False, offered)
    usable = said if possible is None else tuple(way for way in said if _kind(way) in map(_kind, possible))
    return Credential(_order(usable or said, purpose), True, offered)


def _read_offer(offered: tuple[str, ...] | None) -> tuple[Login, ...] | None:
    """Return the ways that mechanisms allow; None where they tell nothing of it."""
    if not offered:
        return None
    mechanisms = {name.upper() for name in offered}
    ways = [Login.PASSWORD] if mechanisms & _PASSWORDS else []
    ways += [Login.OAUTH2] if mechanisms & OAUTH else []
    return tuple(ways) or None


def _kind(way: Login) -> Login:
    """Return what the protocol sees of a way: any password is one."""
    return Login.PASSWORD if way in _WITH_PASSWORD else way


def _order(ways: Iterable[Login], purpose: Purpose) -> tuple[Login, ...]:
    """Put OAuth first where a person signs in, and last where a program has to work alone."""
    return tuple(sorted(ways, key=lambda way: (way is Login.OAUTH2) is not purpose.has_a_person))
