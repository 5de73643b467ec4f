"""The section `accounts`: the operator's own, with which it is tried to sign in, to send and to receive."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from scanner.config import account_values, values
from scanner.config.account_values import AccountServer, parse_server
from scanner.config.catalogue_values import LIST_OR_NOTHING, read_domain
from scanner.config.section import Section
from scanner.model.account import AccountTls, Activity
from scanner.model.published import UserName

MECHANISMS = ("auto", "plain", "login", "xoauth2")
LEAST_INTERVAL = 60.0
"""Seconds between two sign-ins of one account; more often is no check any more, but load."""
LEAST_ROUNDTRIP_INTERVAL = 300.0
_SIGN_INS = (Activity.SMTP, Activity.IMAP, Activity.POP3)

_Switch = Annotated[bool, BeforeValidator(values.read_switch)]
_Time = Annotated[float, BeforeValidator(values.duration())]
_Address = Annotated[str | None, BeforeValidator(values.optional(account_values.read_address))]
_Folder = Annotated[str, BeforeValidator(account_values.read_folder)]


class RoundTripSettings(Section):
    """A message to oneself: sent, waited for, measured and deleted again."""

    enabled: _Switch = True
    """What a section without this key means; without a section there are no round trips."""
    interval: Annotated[float, BeforeValidator(values.duration(at_least=LEAST_ROUNDTRIP_INTERVAL))] = 3600.0
    timeout: _Time = 300.0
    """How long to wait for the message."""
    sender: _Address = None
    """None = the user name, where that is an address."""
    recipient: _Address = None
    """An address that leads to this same mailbox; None = the sender."""
    receive: Annotated[str, BeforeValidator(values.one_of("imap", "pop3"))] = "imap"
    wait: Annotated[str, BeforeValidator(values.one_of("idle", "poll"))] = "idle"
    """How to wait with IMAP; `idle` polls where the server has no IDLE."""
    poll_interval: Annotated[float, BeforeValidator(values.duration(at_least=1.0))] = 10.0
    mailbox: _Folder = "INBOX"
    junk: _Folder | None = None
    """Looked into too, and told apart: mail that arrives as junk; None = what the server marks as \\Junk."""


class Account(Section):
    """One account: who signs in where, and with what."""

    name: Annotated[str, BeforeValidator(account_values.read_name)]
    username: Annotated[str, BeforeValidator(account_values.read_user)]
    domain: Annotated[str | None, BeforeValidator(values.optional(read_domain))] = None
    """Whose servers they are, found like any domain's; None = the user name's, where no server is given."""
    smtp: Annotated[str | bool | None, BeforeValidator(account_values.server_reader(Activity.SMTP))] = None
    """HOST:PORT[:MODE], true = the domain's, false = not checked; None = the domain's, if one is known."""
    imap: Annotated[str | bool | None, BeforeValidator(account_values.server_reader(Activity.IMAP))] = None
    pop3: Annotated[str | bool | None, BeforeValidator(account_values.server_reader(Activity.POP3))] = None
    """None = not checked."""
    password_file: Annotated[Path | None, BeforeValidator(account_values.optional_path)] = None
    password_env: Annotated[str | None, BeforeValidator(values.optional(account_values.read_variable))] = None
    token_command: Annotated[
        tuple[str, ...] | None,
        BeforeValidator(values.optional(account_values.read_command)),
        Field(repr=False),
    ] = None
    """Prints an OAuth 2 access token on one line."""
    token_timeout: _Time = 15.0
    mechanism: Annotated[str, BeforeValidator(values.one_of(*MECHANISMS))] = "auto"
    interval: Annotated[float, BeforeValidator(values.duration(at_least=LEAST_INTERVAL))] = 900.0
    timeout: _Time = 60.0
    """Caps one sign-in, from the look-up to the last reply."""
    allow_unencrypted: _Switch = False
    """Sends the password in clear where TLS is not to be had. For a test network only."""
    allow_unverified: _Switch = False
    """Sends the password to a server whose certificate does not verify. For a test network only."""
    roundtrip: RoundTripSettings | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Refuse what does not fit together, all of it at once."""
        why = [*self._find_secret_faults(), *self._find_server_faults(), *self._find_roundtrip_faults()]
        if why:
            kinds = [PydanticCustomError("list_item", "{why}", {"why": each}) for each in why]
            faults = [InitErrorDetails(type=kind, loc=(), input=self.name) for kind in kinds]
            raise ValidationError.from_exception_data("account", faults)
        return self

    def _find_server_faults(self) -> Iterator[str]:
        if self.wanted_domain is None and not any(self.server(activity) for activity in _SIGN_INS):
            yield "says no server; add domain: example.org, or imap: and smtp: with HOST:PORT"
        elif self.wanted_domain is None and any(getattr(self, activity) is True for activity in _SIGN_INS):
            yield "a server is to be found, and there is no domain; add domain: example.org"
        elif not self.activities:
            yield "checks nothing; remove the account, or let it check smtp, imap or pop3"
        for activity in _SIGN_INS:
            server = self.server(activity)
            if server is not None and server.tls_mode is AccountTls.NONE and not self.allow_unencrypted:
                yield (
                    f"{activity} would send the password in clear to {server.host}; use starttls or ssl "
                    "(allow_unencrypted: true lets it, for a test network)"
                )

    def _find_secret_faults(self) -> Iterator[str]:
        given = [
            key
            for key in ("password_file", "password_env", "token_command")
            if getattr(self, key) is not None
        ]
        if not given:
            yield "has no password; add password_file, password_env or token_command"
        elif len(given) > 1:
            yield f"has {' and '.join(given)}; keep one"
        elif self.mechanism == "xoauth2" and self.token_command is None:
            yield "xoauth2 signs in with a token: replace the password by token_command"
        elif self.mechanism in {"plain", "login"} and self.token_command is not None:
            yield f"{self.mechanism} signs in with a password, and there is a token_command; use xoauth2"

    def _find_roundtrip_faults(self) -> Iterator[str]:
        trip = self.roundtrip
        if trip is None or not trip.enabled:
            return
        if self.sender is None:
            yield "roundtrip needs sender: jane@example.org, since the user name is no address"
        missing = {Activity.SMTP, Activity(trip.receive)} - set(self.activities)
        if missing:
            yield f"roundtrip needs {' and '.join(sorted(missing))}; let the account have it"

    @property
    def wanted_domain(self) -> str | None:
        """The domain whose servers are looked for; None where all servers are given."""
        if self.domain is not None:
            return self.domain
        if any(isinstance(getattr(self, activity), str) for activity in _SIGN_INS):
            return None
        try:
            return read_domain(self.username.rpartition("@")[2]) if "@" in self.username else None
        except ValueError:
            return None

    @property
    def activities(self) -> tuple[Activity, ...]:
        """What is checked by signing in, in this order."""
        by_default = {Activity.SMTP, Activity.IMAP} if self.wanted_domain is not None else set()
        return tuple(
            activity
            for activity in _SIGN_INS
            if getattr(self, activity) or (getattr(self, activity) is None and activity in by_default)
        )

    def server(self, activity: Activity) -> AccountServer | None:
        """Return the server that the settings give; None where it is to be found, or not checked."""
        given = getattr(self, activity)
        return parse_server(given, activity) if isinstance(given, str) else None

    @property
    def user_form(self) -> UserName:
        """Whether the user name is a full address."""
        return UserName.FULL_ADDRESS if "@" in self.username else UserName.LOCAL_PART

    @property
    def sender(self) -> str | None:
        """From whom the message of a round trip is; None where no address is known."""
        if self.roundtrip is not None and self.roundtrip.sender is not None:
            return self.roundtrip.sender
        try:
            return account_values.read_address(self.username)
        except ValueError:
            return None

    @property
    def recipient(self) -> str | None:
        """To whom it is."""
        given = self.roundtrip.recipient if self.roundtrip is not None else None
        return given or self.sender

    @property
    def makes_round_trips(self) -> bool:
        """Whether it sends messages to itself."""
        return self.roundtrip is not None and self.roundtrip.enabled


def _check_names(accounts: tuple[Account, ...]) -> tuple[Account, ...]:
    """Refuse two accounts of one name, in the second's place."""
    first: dict[str, int] = {}
    doubles = [
        InitErrorDetails(
            type=PydanticCustomError(
                "list_item", "{why}", {"why": f"{account.name} is the name of two accounts"}
            ),
            loc=(index, "name"),
            input=account.name,
        )
        for index, account in enumerate(accounts)
        if first.setdefault(account.name, index) != index
    ]
    if doubles:
        raise ValidationError.from_exception_data("accounts", doubles)
    return accounts


Accounts = Annotated[tuple[Account, ...], LIST_OR_NOTHING, AfterValidator(_check_names)]
