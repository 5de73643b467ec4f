"""Refuses targets that name one port of a host in two TLS modes, from wherever they came."""

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from scanner.model.target import Place, Target


def refuse_two_modes(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """Return the targets as they are; raise `ValidationError`, each in its place, for those of two modes."""
    first: dict[Place, Target] = {}
    rivals = [
        (index, target, first[target.place])
        for index, target in enumerate(targets)
        if first.setdefault(target.place, target) != target
    ]
    if rivals:
        problems = [
            InitErrorDetails(
                type=PydanticCustomError("list_item", "{why}", {"why": target.refuse_beside(rival)}),
                loc=(index,),
                input=target.text,
            )
            for index, target, rival in rivals
        ]
        raise ValidationError.from_exception_data("targets", problems)
    return targets
