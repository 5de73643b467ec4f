"""Carries out what an operator orders about baselines, from another process or over HTTP."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog

from scanner.model import Observation, Severity, State
from scanner.model.event import Event, EventKind
from scanner.model.memory import Memory
from scanner.model.observation import Key
from scanner.service.watch import Watch
from scanner.store import Order
from scanner.verdict.baseline import accept, pin, reset
from scanner.verdict.remember import subject_of

log = structlog.get_logger(__name__)

_Change = Callable[[Memory, Observation, datetime], Memory]

ACTIONS: Mapping[str, _Change] = {
    "accept": accept,
    "reset": lambda memory, _seen, _at: reset(memory),
    "pin": lambda memory, _seen, _at: pin(memory, is_pinned=True),
    "unpin": lambda memory, _seen, _at: pin(memory, is_pinned=False),
}
_TOLD = {
    "accept": "The operator accepted the present of {} as its baseline.",
    "reset": "The operator reset the baseline of {}: it is learnt anew.",
    "pin": "The operator fixed the baseline of {} as it is.",
    "unpin": "The operator let the baseline of {} be learnt on.",
}


def change_memory(action: str, memory: Memory, seen: Observation, at: datetime) -> Memory:
    """Return the memory as an action makes it; nothing can be accepted of a probe that could not tell."""
    if action == "accept" and seen.state is State.UNKNOWN:
        return memory
    return ACTIONS[action](memory, seen, at)


def keys_in(order: Order) -> tuple[Key, ...]:
    """Return the endpoints that an order is about; what makes no sense in it is passed over."""
    listed = order.argument.get("keys")
    found = []
    for item in listed if isinstance(listed, list) else ():
        match item:
            case [str() as host, str() as address, int() as port, str() as protocol, str() as mode]:
                found.append((host, address, port, protocol, mode))
    return tuple(found)


def obey(order: Order, watch: Watch) -> None:
    """Carry an order out, as far as its endpoints are watched and have been probed."""
    if order.action not in ACTIONS:
        log.error("order_unknown", action=order.action)
        return
    for key in keys_in(order):
        seen = watch.latest_of(key)
        if seen is None:
            log.warning(
                "order_without_endpoint", action=order.action, host=key[0], address=key[1], port=key[2]
            )
            continue
        at = datetime.now(UTC)
        memory = watch.chronicle.recollection.of(key)
        changed = change_memory(order.action, memory, seen, at)
        if changed == memory:
            continue
        event = Event(
            at=at,
            kind=EventKind.BASELINE_CHANGED,
            subject=subject_of(seen),
            severity=Severity.NOTICE,
            summary=_TOLD[order.action].format(subject_of(seen)),
            key=key,
            name=order.action,
            before={name: trait.value for name, trait in memory.traits.items()},
            after={name: trait.value for name, trait in changed.traits.items()},
            vantage=seen.vantage,
        )
        watch.change_memory(seen, changed, event)
