"""The filters of the status page: read from the address of the page, and written into it again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlencode

from scanner.model import State, TargetFinding
from scanner.web.brief import Brief
from scanner.web.standing import WAITING
from scanner.web.waiting import Waiting

DOWNGRADED = "downgraded"
STATES = (*State, DOWNGRADED, WAITING)
SIZES = (25, 50, 100, 200)
_USUAL_SIZE = 50
_MAX_TEXT = 200
_MAX_PAGE = 1_000_000

Order = Literal["worst", "name"]


@dataclass(frozen=True, slots=True)
class Filters:
    """What a reader wants to see; what is empty does not matter."""

    state: str = ""
    """A state, `downgraded`, or `waiting`."""
    verdict: str = ""
    port: int | None = None
    provider: str = ""
    """Part of the provider's name."""
    text: str = ""
    """Part of a name of the domain or one of its hosts, or of an address."""
    order: Order = "worst"
    page: int = 1
    size: int = _USUAL_SIZE

    @property
    def is_narrow(self) -> bool:
        """Whether anything is left out."""
        return bool(self.is_about_endpoints or self.text)

    @property
    def is_about_endpoints(self) -> bool:
        """Whether endpoints of one domain are told apart."""
        return bool(self.state or self.verdict or self.port is not None or self.provider)

    def matches(self, brief: Brief) -> bool:
        """Tell whether an endpoint is one that is looked for; names are not asked here."""
        return (
            (
                not self.state
                or (brief.is_downgraded if self.state == DOWNGRADED else brief.state == self.state)
            )
            and (not self.verdict or self.verdict in brief.verdicts)
            and (self.port is None or brief.port == self.port)
            and (not self.provider or self.provider.lower() in brief.provider.lower())
        )

    def matches_finding(self, finding: TargetFinding) -> bool:
        """Tell the same of something found about a target, which has no port and no provider."""
        return (
            (not self.state or (finding.reason is not None and finding.state == self.state))
            and (not self.verdict or self.verdict in {verdict.id for verdict in finding.verdicts})
            and self.port is None
            and not self.provider
        )

    def matches_waiting(self, waiting: Waiting) -> bool:
        """Tell the same of what has shown nothing yet: it has ports, and nothing else to be found by."""
        return (
            bool(waiting)
            and self.state in ("", WAITING)
            and not self.verdict
            and not self.provider
            and (self.port is None or self.port in waiting.ports)
        )

    def names(self, *words: str) -> bool:
        """Tell whether the text looked for is in one of these names."""
        wanted = self.text.lower()
        return not wanted or any(wanted in word.lower() for word in words)

    @property
    def link(self) -> str:
        """The address of the page with these filters."""
        return f"/?{self.query}" if self.query else "/"

    def at_page(self, page: int) -> "Filters":
        """Return the same at another page."""
        return replace(self, page=page)

    def only_state(self, state: str) -> "Filters":
        """Return the same for another state, from the first page on."""
        return replace(self, state=state, page=1)

    def sorted_by(self, order: Order) -> "Filters":
        """Return the same in another order, from the first page on."""
        return replace(self, order=order, page=1)

    @property
    def query(self) -> str:
        """The filters as the address has them, those that matter."""
        usual = Filters()
        named = {name: getattr(self, field) for name, field in _NAMES.items()}
        wanted = {name: value for name, value in named.items() if value != getattr(usual, _NAMES[name])}
        return urlencode(wanted)


_NAMES = {
    "state": "state",
    "verdict": "verdict",
    "port": "port",
    "provider": "provider",
    "q": "text",
    "sort": "order",
    "page": "page",
    "size": "size",
}
"""The name in the address, and the field."""


def read_filters(words: Mapping[str, str]) -> Filters:
    """Read the filters of an address; what cannot be understood is taken as not said."""
    size = _read_number(words.get("size", ""), max(SIZES))
    return Filters(
        state=state if (state := words.get("state", "")) in STATES else "",
        verdict=words.get("verdict", "")[:_MAX_TEXT],
        port=_read_number(words.get("port", ""), 65_535),
        provider=words.get("provider", "").strip()[:_MAX_TEXT],
        text=words.get("q", "").strip()[:_MAX_TEXT],
        order="name" if words.get("sort") == "name" else "worst",
        page=_read_number(words.get("page", ""), _MAX_PAGE) or 1,
        size=size if size in SIZES else _USUAL_SIZE,
    )


def _read_number(text: str, most: int) -> int | None:
    """Return a number from 1 on; None for anything else, and the bound for anything greater."""
    text = text.strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 20:
        return None
    return min(int(text), most) or None
