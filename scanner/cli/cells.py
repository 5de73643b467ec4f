"""The cells of the table: what one record shows at a glance, and its findings in words."""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.text import Text

from scanner.cli.weight import is_notice, severity_of, weight_of, weight_of_reason
from scanner.model import Severity, State
from scanner.model.record import Record

STYLE_OF_SEVERITY = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.NOTICE: "dim"}
MARK_OF_SEVERITY = {Severity.CRITICAL: "!!", Severity.WARNING: "!", Severity.NOTICE: "·"}
GOOD = "green"
QUIET = "dim"
_GOOD_VERSIONS = ("TLSv1.3", "TLSv1.2")
_OLD_VERSIONS = ("TLSv1.1", "TLSv1.0", "SSLv3", "SSLv2")
_CERTIFICATE_FAULTS = {
    "expired": ("expired", "certificate_expired"),
    "not_yet_valid": ("not yet", "certificate_not_yet_valid"),
    "name_mismatch": ("name", "certificate_name_mismatch"),
    "self_signed": ("self", "certificate_untrusted"),
    "untrusted": ("issuer", "certificate_untrusted"),
    "weak_key": ("weak", "key_weak"),
    "weak_signature": ("weak", "key_weak"),
}
"""A word for each problem of a certificate and the verdict that weighs it, the worst of equals first."""


def tell_port(record: Record) -> Text:
    """Return the port, or a dash where a name leads to none."""
    if is_notice(record):
        return Text("")
    return Text("-" if record["port"] is None else str(record["port"]))


def tell_state(record: Record) -> Text:
    """Return the state, coloured by what the record weighs unless it is open; a notice has none."""
    if is_notice(record):
        return Text("")
    weight = weight_of(record)
    is_open = record["state"] == State.OPEN
    return Text(record["state"], GOOD if is_open or weight is None else STYLE_OF_SEVERITY[weight])


def tell_tls(record: Record) -> Text:
    """Return the versions that the server accepts, newest first; old ones in red behind them."""
    tls = record.get("tls") or {}
    accepted = {name for name, is_accepted in (tls.get("versions") or {}).items() if is_accepted}
    accepted.add(tls.get("version"))
    good, old = (
        " ".join(name.removeprefix("TLSv") for name in names if name in accepted)
        for names in (_GOOD_VERSIONS, _OLD_VERSIONS)
    )
    if not good and not old:
        return Text("none" if record["state"] == State.OPEN else "", "red")
    parts = [Text(text, style) for text, style in ((good, GOOD), (old, "red")) if text]
    return Text(" ").join(parts)


def tell_group(record: Record) -> Text:
    """Return the key exchange group that was agreed on."""
    return Text((record.get("tls") or {}).get("group") or "", QUIET)


def tell_certificate(record: Record) -> Text:
    """Return the days that the certificate is good for, or what is wrong with it in a word."""
    certificate = record.get("certificate")
    if certificate is None:
        return Text("")
    severities = {verdict["id"]: severity_of(verdict) for verdict in record["verdicts"]}
    faults = [
        _CERTIFICATE_FAULTS[problem] for problem in _CERTIFICATE_FAULTS if problem in certificate["problems"]
    ]
    if faults:
        word, verdict = max(faults, key=lambda fault: severities.get(fault[1], 0))
        # DANE may vouch for it: then there is no verdict.
        return Text(word, STYLE_OF_SEVERITY[severities.get(verdict, Severity.NOTICE)])
    days = (datetime.fromisoformat(certificate["not_after"]) - datetime.now(UTC)).days
    weight = severities.get("certificate_expiring")
    return Text(f"{days} d", GOOD if weight is None else STYLE_OF_SEVERITY[weight])


def tell_time(record: Record) -> Text:
    """Return how long the probe took."""
    if is_notice(record):
        return Text("")
    seconds = record["duration"]
    return Text(f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s", QUIET)


def tell_source(record: Record) -> Text:
    """Return where the domain learnt of the server; others may know it from elsewhere."""
    return Text(record.get("sources", {}).get(record["domain"], record["source"]), QUIET)


def tell_software(record: Record) -> Text:
    """Return what product answered."""
    return Text(record.get("software") or "", QUIET)


def tell_news(record: Record, longest: int | None) -> Text:
    """Return the findings, worst first; texts longer than `longest` characters lose their middle."""
    return Text("\n").join(_list_news(record, longest))


def _list_news(record: Record, longest: int | None) -> Iterator[Text]:
    own = weight_of_reason(record)
    if own is not None:
        words = str(record["reason"]).replace("_", " ")
        line = Text(f"{MARK_OF_SEVERITY[own]} {words}", STYLE_OF_SEVERITY[own])
        if record["detail"]:
            line.append(f": {shorten(record['detail'], longest)}", QUIET)
        yield line
    for verdict in sorted(record["verdicts"], key=severity_of, reverse=True):
        severity = severity_of(verdict)
        text = f"{MARK_OF_SEVERITY[severity]} {shorten(verdict['summary'], longest)}"
        yield Text(text, STYLE_OF_SEVERITY[severity])


def shorten(text: str, longest: int | None) -> str:
    """Take the middle out of a text that is too long: the point is often at its end."""
    if longest is None or len(text) <= longest:
        return text
    tail = longest // 3
    return f"{text[: longest - tail - 1]}…{text[-tail:]}"
