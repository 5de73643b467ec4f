"""What all sections of the settings have in common: frozen, and every key known."""

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A frozen section that knows all its keys. Change one with `override`, never in place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _accept_empty(cls, value: object) -> object:
        """Take a section of which every key is commented out for one with its defaults."""
        return {} if value is None else value
