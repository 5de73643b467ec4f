"""The settings of the store: where results are kept, how many and how long."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, model_validator

from scanner.config import values
from scanner.config.problem import describe_value
from scanner.config.section import Section
from scanner.config.store_url import SQLITE, has_password, read_password_file, read_store_url

_Days = Annotated[float, BeforeValidator(values.number(0.01, 36_500))]


class StoreSettings(Section):
    """Where results are kept, and how long; in the file also a URL alone, or `false`."""

    enabled: Annotated[bool, BeforeValidator(values.read_switch)] = True
    """False = nothing outlives the process."""
    url: Annotated[str | None, BeforeValidator(read_store_url)] = None
    """None = an SQLite file in the state folder of the service or the user."""
    password_file: Annotated[Path | None, BeforeValidator(read_password_file)] = None
    """The password for PostgreSQL; read again at each connection."""
    samples: Annotated[int, BeforeValidator(values.whole_number(1, 1_000_000))] = 1000
    """Observations kept of one endpoint."""
    sample_days: _Days = 30.0
    """Also how long an endpoint is remembered that is no longer watched."""
    events: Annotated[int, BeforeValidator(values.whole_number(1, 100_000_000))] = 100_000
    event_days: _Days = 365.0

    @model_validator(mode="before")
    @classmethod
    def _accept_short_forms(cls, value: object) -> object:
        """Take a URL alone, and `false`."""
        if isinstance(value, str):
            return {"url": value}
        if isinstance(value, bool):
            return {"enabled": value}
        if value is not None and not isinstance(value, dict | BaseModel):
            raise ValueError(f"must be a URL, false, or a section with keys (got {describe_value(value)})")
        return value

    @model_validator(mode="after")
    def _check_password(self) -> Self:
        if self.password_file is not None:
            if self.url is None or self.url.startswith(SQLITE):
                raise ValueError("password_file is for PostgreSQL; remove it, or add the url of a database")
            if has_password(self.url):
                raise ValueError("there is a password in url and a password_file; keep one")
        return self
