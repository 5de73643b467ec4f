"""What comes back from the workers: observations, answers to hellos, and jobs that could not be done."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from pydantic import TypeAdapter
from pydantic_core import from_json

from scanner.cluster.jobs import MOST_BYTES
from scanner.model import Observation, Reason
from scanner.protocol.findings import Findings
from scanner.protocol.server_hello import Alert, Answer, NoHello, ServerHello, Silence, Ssl2Hello
from scanner.store.codec import to_json, write_whole

Plain: TypeAlias = dict[str, Any]
KNOCK = "knock"

_KINDS = {"hello": ServerHello, "alert": Alert, "ssl2": Ssl2Hello}
_READERS: Mapping[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Result:
    """What a worker says of one job; the body is read by whoever waits for it."""

    id: str
    batch: str
    body: Plain


@dataclass(frozen=True, slots=True)
class Delivery:
    """Results that came in one message, and from whom."""

    worker: str
    results: tuple[Result, ...]
    fault: str | None = None
    """What is wrong with the worker's own way out."""
    knows_knocks: bool = False
    """Whether it makes bare connections; workers of older versions say nothing of it."""


@dataclass(frozen=True, slots=True)
class Said:
    """A result as the worker writes it: its body is JSON."""

    id: str
    body: str


def write_delivery(worker: str, said: Iterable[tuple[str, Said]], fault: str | None = None) -> str:
    """Write results, each with the number of its batch, as one text."""
    # The bodies are JSON already, and most of it: they are not gone through again.
    listed = ",".join(
        f'{{"id":{to_json(one.id)},"batch":{to_json(batch)},"body":{one.body}}}' for batch, one in said
    )
    return f'{{"worker":{to_json(worker)},"fault":{to_json(fault)},"knows":["{KNOCK}"],"results":[{listed}]}}'


def read_delivery(text: object) -> Delivery:
    """Read the results of one message.

    Raises:
        ValueError: they are none.
    """
    if not isinstance(text, str) or len(text) > MOST_BYTES:
        raise ValueError("no text, or too long a one")
    found = from_json(text)
    match found:
        case {"worker": str() as worker, "results": list() as listed}:
            fault = found.get("fault")
            if not (fault is None or isinstance(fault, str)):
                raise ValueError("no results")
            results = tuple(map(_read_result, listed))
            knows = found.get("knows")
            knows_knocks = isinstance(knows, list) and KNOCK in knows
            return Delivery(worker[:200], results, None if fault is None else fault[:500], knows_knocks)
    raise ValueError("no results")


def _read_result(found: object) -> Result:
    match found:
        case {"id": str() as number, "batch": str() as batch, "body": dict() as body}:
            return Result(number, batch, body)
    raise ValueError("no result")


def say_observation(number: str, observation: Observation, fault: str | None = None) -> Said:
    """Write what a probe found; who asked for it judges it. A fault of our own way out goes with it."""
    more = "" if fault is None else f',"fault":{to_json(fault)}'
    return Said(number, f'{{"seen":{write_whole(observation).decode()}{more}}}')


def say_handed_back(number: str, fault: str) -> Said:
    """Write that another worker should do it, since our own way out is closed there."""
    return Said(number, to_json({"fault": fault}))


def say_answer(number: str, answer: Answer | None, found: Findings) -> Said:
    """Write what came back for a hello."""
    reason = None if found.reason is None else found.reason.value
    body = {"answer": _write_answer(answer), "reason": reason, "detail": found.detail}
    return Said(number, to_json(body))


def say_knock(number: str, *, is_open: bool | None) -> Said:
    """Write whether a bare connection could be made; None = it cannot be told."""
    return Said(number, to_json({KNOCK: is_open}))


def say_refused(number: str, why: str) -> Said:
    """Write that this worker may not connect to that address."""
    return Said(number, to_json({"refused": why}))


def read_answer(body: Plain) -> tuple[Answer | None, Findings]:
    """Read what came back for a hello.

    Raises:
        ValueError: it is no such thing.
    """
    found = Findings()
    match body:
        case {"refused": str() as why}:
            found.fail(Reason.ADDRESS_NOT_ALLOWED, why)
            return None, found
        case {"excluded": str() as why}:
            found.fail(Reason.EXCLUDED, why)
            return None, found
        case {"answer": answer, "reason": reason, "detail": None | str() as detail}:
            if reason is not None:
                found.fail(Reason(reason), detail)
            return _read_answer(answer), found
    raise ValueError("no answer to a hello")


def read_knock(body: Plain) -> bool | None:
    """Read whether a bare connection could be made; None = it cannot be told.

    Raises:
        ValueError: it is no such thing.
    """
    match body:
        case {"knock": (bool() | None) as is_open}:
            return is_open
        case {"refused": str()} | {"excluded": str()}:
            return None
    raise ValueError("no answer to a knock")


def _write_answer(answer: Answer | None) -> Plain | None:
    if answer is None:
        return None
    if isinstance(answer, NoHello):
        return {"kind": "none", "how": answer.how.name, "detail": answer.detail}
    kind = next(name for name, one in _KINDS.items() if isinstance(answer, one))
    return {"kind": kind, **asdict(answer)}


def _read_answer(plain: object) -> Answer | None:
    match plain:
        case None:
            return None
        case {"kind": "none", "how": str() as how, "detail": None | str() as detail}:
            if how not in Silence.__members__:
                raise ValueError("no such silence")
            return NoHello(Silence[how], detail)
        case {"kind": str() as kind, **rest} if kind in _READERS:
            answer: Answer = _READERS[kind].validate_python(rest)
            return answer
    raise ValueError("no answer to a hello")
