"""The operator's own lists of controls: each port with whom to ask, every mistake told in its place."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from scanner.config import values
from scanner.config.catalogue_values import check_list, optional, read_text
from scanner.config.problem import describe_value
from scanner.model.control import ANYTHING, Control
from scanner.model.ports import PORTS
from scanner.model.target import parse_target, quote

_Switch = Annotated[bool, BeforeValidator(values.read_switch)]
_LONGEST_PATTERN = 200
_PORT = re.compile(r"[0-9]{1,5}")
_LAST_PORT = 65535
_Place = tuple[str | int, ...]


def _read_pattern(value: object) -> str:
    """Read a pattern for greetings: text, with `*` for anything."""
    if not isinstance(value, str) or not value.strip(ANYTHING + " ") or len(value) > _LONGEST_PATTERN:
        raise ValueError(
            f"must be text of a greeting, with {ANYTHING} for anything, at most {_LONGEST_PATTERN} "
            f"characters (got {describe_value(value)})"
        )
    return str(value)


class ControlEntry(BaseModel):
    """One control of the operator's own; in the file a plain host means `{host: ...}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, BeforeValidator(values.read_target)]
    """A host, or a host and the port of its list, in the forms that `targets` takes."""
    banner: Annotated[str | None, optional(_read_pattern)] = None
    provider: Annotated[str | None, optional(read_text)] = None
    starttls: _Switch = False
    """Whether it offers STARTTLS as a rule, so that its absence is a sign."""

    @model_validator(mode="before")
    @classmethod
    def _accept_host(cls, value: object) -> object:
        return {"host": value} if isinstance(value, str) else value

    def at(self, port: int) -> Control:
        """Return the control that this is on a port.

        Raises:
            ValueError: it names another port, or the port's protocol is not known.
        """
        target = parse_target(self.host)
        if target.port is None and port not in PORTS:
            example = f"[{target.host}]" if ":" in target.host else target.host
            raise ValueError(
                f"port {port} is none of the mail ports; say its protocol, for example smtp://{example}:{port}"
            )
        if target.port not in {None, port}:
            raise ValueError(f"is asked on port {port}, so it cannot be on port {target.port}; remove one")
        row = PORTS.get(port)
        protocol = target.protocol or (row.protocol if row is not None else None)
        tls_mode = target.tls_mode or (row.tls_mode if row is not None else None)
        if protocol is None or tls_mode is None:
            raise ValueError(f"nothing says what is spoken on port {port}")
        return Control(target.host, port, protocol, tls_mode, self.provider, self.banner, self.starttls)


def read_control_lists(value: object) -> dict[str, tuple[ControlEntry, ...]]:
    """Read the lists by port; whatever is wrong in any of them is told at once."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(  # noqa: TRY004 - pydantic takes only a ValueError for a finding
            f"must be a section of lists by port, such as 25: [mx.example.org] (got {describe_value(value)})"
        )
    wrong: list[InitErrorDetails] = []
    lists: dict[str, tuple[ControlEntry, ...]] = {}
    for key, given in value.items():
        port = int(str(key)) if _PORT.fullmatch(str(key)) else 0
        if not 1 <= port <= _LAST_PORT:
            port = 0
            wrong.append(_fault((key,), f"must be a port from 1 to {_LAST_PORT} (got {quote(str(key))})"))
        try:
            entries = check_list(given)
        except ValueError as error:
            wrong.append(_fault((key,), str(error)))
            continue
        lists[str(port)] = tuple(_read_entries(entries, str(key), port, wrong))
    if wrong:
        raise ValidationError.from_exception_data("ports", wrong)
    return lists


def _read_entries(
    entries: object, key: str, port: int, wrong: list[InitErrorDetails]
) -> Iterator[ControlEntry]:
    """Read the controls of a port; note those that are on another port than their list says, and doubles.

    With port 0, which is none, what hangs on the port is left open.
    """
    seen: set[str] = set()
    for index, given in enumerate(entries if isinstance(entries, Iterable) else ()):
        try:
            entry = ControlEntry.model_validate(given)
            host = entry.at(port).host if port else entry.host
        except ValidationError as error:
            wrong += [_relay((key, index), item) for item in error.errors(include_url=False)]
            continue
        except ValueError as error:
            wrong.append(_fault((key, index), str(error)))
            continue
        if host in seen:
            wrong.append(_fault((key, index), f"{host} is in the list twice; remove one"))
        seen.add(host)
        yield entry


def _fault(place: _Place, why: str) -> InitErrorDetails:
    return InitErrorDetails(
        type=PydanticCustomError("list_item", "{why}", {"why": why}), loc=place, input=None
    )


def _relay(place: _Place, item: ErrorDetails) -> InitErrorDetails:
    """Pass on what pydantic found in one entry, with the place of the entry before its own."""
    kind: str | PydanticCustomError = item["type"]
    if kind == "list_item":
        return _fault((*place, *item["loc"]), item["msg"])
    return InitErrorDetails(
        type=kind, loc=(*place, *item["loc"]), input=item["input"], ctx=item.get("ctx", {})
    )
