"""The summary under the table: how many results of each state, and how much was found."""

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from scanner.cli.cells import GOOD, STYLE_OF_SEVERITY
from scanner.cli.weight import is_notice, severity_of, weight_of_reason
from scanner.model import Severity, State
from scanner.model.record import Record

_HEADLINES = {
    "egress_blocked": "Our own network lets nothing out to port {port}.",
    "egress_intercepted": "Something in our own network answers port {port} in place of the servers.",
}


def build_summary(records: Sequence[Record]) -> Text:
    """Return a line of totals: results by their state, and every line of the findings by its weight.

    A line for each port follows that our own network is to blame for.
    """
    if not records:
        return Text("nothing to probe")
    states = Counter(record["state"] for record in records if not is_notice(record))
    weights = Counter(severity_of(verdict) for record in records for verdict in record["verdicts"])
    weights.update(weight for record in records if (weight := weight_of_reason(record)) is not None)
    results = states.total()
    parts = [
        Text(f"{states[state]} {state.replace('_', ' ')}", GOOD if state is State.OPEN else "bold")
        for state in State
        if states[state]
    ]
    parts += [
        Text(_count(weights[severity], severity), STYLE_OF_SEVERITY[severity])
        for severity in sorted(Severity, reverse=True)
        if weights[severity]
    ]
    total = Text(f"{results} {'result' if results == 1 else 'results'}: ") + Text(", ").join(parts)
    return Text("\n").join([total, *_tell_our_own_network(records)])


def _tell_our_own_network(records: Sequence[Record]) -> list[Text]:
    """Return a line for each port that our own network did not let us judge, and how to mend that."""
    told: dict[tuple[str, int], Text] = {}
    for record in records:
        for verdict in record["verdicts"]:
            if verdict["id"] in _HEADLINES:
                headline = _HEADLINES[verdict["id"]].format(port=record["port"])
                style = STYLE_OF_SEVERITY[severity_of(verdict)]
                line = Text.assemble((headline, style), " ", verdict["advice"])
                told.setdefault((verdict["id"], record["port"]), line)
    return [told[key] for key in sorted(told)]


def _count(number: int, severity: Severity) -> str:
    plural = "s" if number > 1 and severity is not Severity.CRITICAL else ""
    return f"{number} {severity.label}{plural}"
