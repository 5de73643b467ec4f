"""The settings of shards: where each of them answers, so that Prometheus can be told."""

import re
from typing import Annotated

from pydantic import BeforeValidator

from scanner.config import values
from scanner.config.problem import describe_value
from scanner.config.section import Section
from scanner.config.web_settings import read_address_of_pages
from scanner.model.shard import Shard
from scanner.model.target import TargetError, normalise_host

_BLANK = re.compile(r"\{(shard|ordinal)\}")


def read_place(value: object) -> str:
    """Read HOST:PORT; in it {shard} stands for the shard's number from 1 on, {ordinal} from 0 on."""
    host, port = values.split_host_port(_fill(value, 1) if isinstance(value, str) else value)
    try:
        host = normalise_host(host)
    except TargetError:
        port = None
    if not port:
        raise ValueError(
            'must be HOST:PORT, for example "mailport-{ordinal}.mailport:9587", or a list of one for each '
            f"shard (got {describe_value(value)})"
        )
    return str(value)


def read_places(value: object) -> tuple[str, ...]:
    """Read one template for all shards, or a list with a place for each."""
    if not isinstance(value, str):
        return values.list_of(read_place, may_be_empty=True)(value)
    place = read_place(value)
    if _BLANK.search(place) is None:
        raise ValueError("must have {shard} or {ordinal} in it, or be a list with a place for each shard")
    return (place,)


def read_page(value: object) -> str:
    """Read the web address of a page; {shard} and {ordinal} in it as for places."""
    try:
        read_address_of_pages(_fill(value, 1) if isinstance(value, str) else value)
    except ValueError:
        raise ValueError(
            "must be a web address, such as https://mailport-{shard}.example.org, or a list of one "
            f"for each shard (got {describe_value(value)})"
        ) from None
    return str(value)


def read_pages(value: object) -> tuple[str, ...]:
    """Read one template for all shards, or a list with an address for each."""
    if not isinstance(value, str):
        return values.list_of(read_page, may_be_empty=True)(value)
    page = read_page(value)
    if _BLANK.search(page) is None:
        raise ValueError("must have {shard} or {ordinal} in it, or be a list with an address for each shard")
    return (page,)


class ShardSettings(Section):
    """Where the shards answer. Which of them a process is, its command line or environment says."""

    addresses: Annotated[tuple[str, ...], BeforeValidator(read_places)] = ()
    """HOST:PORT of each shard in their order, or one template; none = /api/v1/sd names itself alone."""

    pages: Annotated[tuple[str, ...], BeforeValidator(read_pages)] = ()
    """Where a browser finds the page of each, likewise; none = where the shards answer."""

    def links(self, shard: Shard) -> tuple[str, ...]:
        """Return the address of the page of each of all shards; nothing where none is known.

        Raises:
            ValueError: there are more or fewer of them than shards.
        """
        if self.pages:
            return _spread("pages", self.pages, shard)
        # By TLS where the page that has the link came by TLS.
        return tuple(f"//{place}/" for place in self.places(shard))

    def places(self, shard: Shard) -> tuple[str, ...]:
        """Return where each of all shards answers; nothing where that is not set.

        Raises:
            ValueError: there are more or fewer places than shards.
        """
        return _spread("addresses", self.addresses, shard)


def _spread(name: str, found: tuple[str, ...], shard: Shard) -> tuple[str, ...]:
    if len(found) == 1 and _BLANK.search(found[0]):
        return tuple(_fill(found[0], number) for number in range(1, shard.count + 1))
    if found and len(found) != shard.count:
        raise ValueError(
            f"shards.{name} names {len(found)} places, and there are {shard.count} shards; name "
            "one for each, and say which shard this is (--shard I/N)"
        )
    return found


def _fill(text: str, number: int) -> str:
    return text.replace("{shard}", str(number)).replace("{ordinal}", str(number - 1))
