"""Carries out what an operator orders about baselines, from another process or over HTTP."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

import structlog

from scanner.model import Observation, Reason, Severity, State
from scanner.model.event import Event, EventKind
from scanner.model.memory import Memory
from scanner.model.observation import Key
from scanner.service.watch import Watch
from scanner.store import Order
from scanner.verdict.baseline import accept, pin, reset
from scanner.verdict.remember import subject_of

log = structlog.get_logger(__name__)

NAMES_SECONDS = 3600.0
"""How long an order waits while name servers fail, and nobody knows whether its endpoint is watched."""

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


def is_for(order: Order, vantage: str) -> bool:
    """Tell whether an order is for a vantage; several may write to one store."""
    return order.argument.get("vantage", vantage) == vantage


def write_argument(key: Key, domains: Iterable[str], vantage: str) -> dict[str, object]:
    """Return the argument of an order about one endpoint; by its domains it is known while the DNS fails."""
    return {"keys": [list(key)], "domains": list(domains), "vantage": vantage}


class OrderDesk:
    """Holds orders until their endpoints have a result, and carries each out once.

    Args:
        vantage: orders for another one are left to it.
        is_ours: tells whether an endpoint is; orders about others are left to the shards that have them.
        clock: seconds, never going back.
    """

    def __init__(
        self,
        vantage: str,
        *,
        is_ours: Callable[[Key], bool] = lambda _: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._vantage = vantage
        self._is_ours = is_ours
        self._clock = clock
        self._waiting: list[tuple[Order, float]] = []

    def take(self, orders: Iterable[Order]) -> None:
        """Take orders, the oldest first."""
        now = self._clock()
        self._waiting += [(order, now) for order in orders if self._is_for_us(order)]

    def work(self, watch: Watch) -> tuple[int, ...]:
        """Carry out what can be by now; return the numbers of the orders that are done with.

        While an order about an endpoint waits, later ones about it do.
        """
        done, rest, held = [], [], set[Key]()
        for order, since in self._waiting:
            try:
                keys = keys_in(order)
                if not held.isdisjoint(keys) or self._has_to_wait(order, since, watch):
                    held.update(keys)
                    rest.append((order, since))
                    continue
                obey(order, watch)
            except Exception as fault:  # noqa: BLE001 - neither the others nor the next start may suffer from it
                log.error("order_failed", order=order.id, error=f"{type(fault).__name__}: {fault}"[:300])
            done.append(order.id)
        self._waiting = rest
        return tuple(done)

    def _is_for_us(self, order: Order) -> bool:
        keys = keys_in(order)
        return is_for(order, self._vantage) and (not keys or any(map(self._is_ours, keys)))

    def _has_to_wait(self, order: Order, since: float, watch: Watch) -> bool:
        unseen = [key for key in keys_in(order) if watch.latest_of(key) is None]
        if any(watch.is_awaited(key) for key in unseen):
            return True
        return bool(unseen) and self._clock() - since < NAMES_SECONDS and _names_fail(order, watch)


def obey(order: Order, watch: Watch) -> None:
    """Carry an order out, as far as its endpoints are watched and have been probed."""
    if order.action not in ACTIONS:
        log.error("order_unknown", action=order.action, order=order.id)
        return
    for key in keys_in(order):
        about = {"order": order.id, "action": order.action}
        about |= {"host": key[0], "address": key[1], "port": key[2]}
        seen = watch.latest_of(key)
        if seen is None:
            log.warning("order_without_endpoint", **about, why="it is not watched; nothing is changed")
            continue
        at = datetime.now(UTC)
        memory = watch.chronicle.recollection.of(key)
        changed = change_memory(order.action, memory, seen, at)
        if changed == memory:
            log.warning("order_without_effect", **about, why=_say_why(order.action, seen))
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


def _names_fail(order: Order, watch: Watch) -> bool:
    """Tell whether names that could lead to the order's endpoints cannot be looked up now."""
    listed = order.argument.get("domains")
    names = {key[0] for key in keys_in(order)} | {
        str(name) for name in (listed if isinstance(listed, list) else ())
    }
    return any(
        finding.reason is Reason.DNS_FAILURE and not names.isdisjoint((finding.domain, finding.host))
        for finding in watch.findings()
    )


def _say_why(action: str, seen: Observation) -> str:
    if action == "accept" and seen.state is State.UNKNOWN:
        return f"the last probe could not tell ({seen.reason}): nothing can be accepted"
    return "it is so already"
