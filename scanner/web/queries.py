"""The parameters of lists: what may be asked for, each with its bounds; anything else is refused."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from scanner.model import Kind, Protocol, State
from scanner.model.endpoint_id import LONGEST

MOST_ON_A_PAGE = 1000
ON_A_PAGE = 100
MOST_CHOICES = 50
LONGEST_TEXT = 253

Text: TypeAlias = Annotated[str, Field(max_length=LONGEST_TEXT)]
Limit: TypeAlias = Annotated[
    int, Field(ge=1, le=MOST_ON_A_PAGE, description="so many at most; 100 unless said")
]
PortNumber: TypeAlias = Annotated[int, Field(ge=1, le=65_535)]

ID_PATTERN = r"^[^~]+~[^~]+~[1-9][0-9]{0,4}~(smtp|smtps|imap|imaps|pop3|pop3s)$"


class Filter(BaseModel):
    """Which endpoints are looked for; of several values of one name any will do, of several names all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: list[State] = Field(
        [], max_length=MOST_CHOICES, description="states; for what is downgraded ask kind=downgrade"
    )
    verdict: list[Text] = Field([], max_length=MOST_CHOICES, description="ids of verdicts that count")
    kind: list[Kind] = Field([], max_length=MOST_CHOICES, description="kinds of verdicts, as downgrade")
    severity: Literal["notice", "warning", "critical"] | None = Field(
        None, description="a verdict that counts weighs this, or more"
    )
    port: list[PortNumber] = Field([], max_length=MOST_CHOICES, description="ports")
    protocol: list[Protocol] = Field([], max_length=MOST_CHOICES, description="protocols")
    provider: Text | None = Field(None, description="part of the provider's name")
    domain: Text | None = Field(None, description="the domain that they serve, whole")
    q: Text | None = Field(None, description="part of a domain, a host or an address")
    limit: Limit = ON_A_PAGE


class EndpointFilter(Filter):
    """The same, from one endpoint on."""

    after: str | None = Field(
        None, max_length=LONGEST, pattern=ID_PATTERN, description="`next` of the page before"
    )


class DomainFilter(Filter):
    """The same, of the endpoints of domains; a domain of which one fits is listed."""

    after: Text | None = Field(None, description="`next` of the page before")


class AccountFilter(BaseModel):
    """Which page of the accounts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Text | None = Field(None, description="`next` of the page before")
    limit: Limit = ON_A_PAGE


class HistoryFilter(BaseModel):
    """Which probes of an endpoint are looked for, newest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: AwareDatetime | None = Field(None, description="only those from this time on, in ISO 8601")
    before: AwareDatetime | None = Field(None, description="only earlier ones: `next` of the page before")
    limit: Limit = ON_A_PAGE

    @property
    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """From when on, and until when."""
        return self.since, self.before
