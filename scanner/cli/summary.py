"""The summary under the table: how many results of each state, and how much was found."""

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from scanner.cli.cells import GOOD, STYLE_OF_SEVERITY
from scanner.cli.weight import is_notice, severity_of, weight_of_reason
from scanner.model import Severity, State
from scanner.model.record import Record


def build_summary(records: Sequence[Record]) -> Text:
    """Return one line of totals: results by their state, and every line of the findings by its weight."""
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
    return Text(f"{results} {'result' if results == 1 else 'results'}: ") + Text(", ").join(parts)


def _count(number: int, severity: Severity) -> str:
    plural = "s" if number > 1 and severity is not Severity.CRITICAL else ""
    return f"{number} {severity.label}{plural}"
