"""The command `explain` where it looks: at a program's settings, or at what is behind a complaint."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from scanner.cli.advise import provider_of, read_domain
from scanner.cli.case_view import build_comparison, build_diagnosis, comparison_to_json, diagnosis_to_json
from scanner.cli.console import Exit, give_up, say
from scanner.cli.explain import read_words
from scanner.cli.explain_view import build_reading, reading_to_json
from scanner.cli.kept_checks import read_kept_checks
from scanner.cli.prose import print_prose
from scanner.cli.survey import Network, survey
from scanner.config import Settings
from scanner.explain import Reading, read_text
from scanner.explain.client_settings import ClientSettings, looks_like_settings, parse_client_settings
from scanner.explain.compare import Comparison, Gap, Measured, compare, targets_for
from scanner.explain.diagnosis import diagnose
from scanner.explain.suspicion import Case
from scanner.explain.words import SERVICE_NAMES
from scanner.model import Observation, Reason, State
from scanner.model.domain import DomainFacts
from scanner.model.registrable import registrable_domain
from scanner.model.target import TargetError, parse_target, quote
from scanner.service.look import Look
from scanner.verdict.reason_advice import REASON_ADVICE
from scanner.verdict.recommendation import Taste, choose

_LEADS_NOWHERE = frozenset({Reason.NAME_NOT_FOUND, Reason.NO_ADDRESS})
"""What the DNS itself answers: a host of which it says this is the wrong one."""
_NOT_LOOKED_AT = frozenset({Reason.DNS_FAILURE, Reason.ADDRESS_NOT_ALLOWED, Reason.SKIPPED, Reason.EXCLUDED})
"""Of such a host nothing is known, so it cannot be called wrong."""
_PORT_IN_TEXT = re.compile(r"(?:port[ =:]{1,3}|[\w\])]:)(25|465|587|143|993|110|995)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about: words of an error, the settings of a program, a domain."""

    words: tuple[str, ...]
    settings: ClientSettings | None
    domain: str | None
    devices: int | None

    @property
    def whose(self) -> str | None:
        """The domain that is asked about; the host's own registrable one where nobody named it."""
        if self.domain is not None:
            return self.domain
        return None if self.settings is None else registrable_domain(self.settings.host)


def sort_configs(values: Sequence[str]) -> tuple[ClientSettings | None, Path | None]:
    """Tell a program's settings from the name of a configuration file: both come by --config."""
    settings: list[ClientSettings] = []
    files: list[Path] = []
    for value in values:
        if looks_like_settings(value):
            try:
                settings.append(parse_client_settings(value))
            except TargetError as error:
                give_up(f"--config {error}")
        elif ":" in value and not Path(value).exists():
            example = "imap.example.org:993:ssl"
            give_up(f"--config: {quote(value)} is no HOST:PORT:MODE, such as {example}, and no file")
        else:
            files.append(Path(value))
    if len(settings) > 1 or len(files) > 1:
        give_up("--config: give HOST:PORT:MODE once, and the configuration FILE once")
    return (settings[0] if settings else None), (files[0] if files else None)


def explain_case(question: Question, network: Network, *, is_json: bool) -> Exit:
    """Look at what is asked about and say what differs, or what is behind the complaint."""
    reading = read_text(read_words(question.words)) if question.words else None
    domain = None if question.whose is None else read_domain(question.whose)
    targets = [] if domain is None else [domain]
    if question.settings is not None:
        targets += targets_for(question.settings, parse_target)
    settings = network.settings(targets)
    look = survey(settings, network)
    facts = (None if domain is None else look.facts_of(domain.host)) or DomainFacts("", is_found=False)
    notes = _note(question, facts, look)
    comparison = None
    if (asked := question.settings) is not None:
        comparison = _compare(asked, facts, look, settings, devices=question.devices)
        if reading is not None and comparison.gap is not None:
            notes = tuple(dict.fromkeys((*notes, comparison.gap.why)))
    if reading is None:
        if comparison is None:
            give_up("nothing to explain: there are neither words nor settings")
        return _show_comparison(comparison, look, notes, is_json=is_json)
    provider = provider_of(settings, facts, look)
    case = Case(
        _seen_for(question, facts, look),
        comparison,
        provider,
        frozenset() if reading.best is None else frozenset({reading.best.explanation.id}),
        _port_in(reading),
        read_kept_checks(settings),
    )
    return _show_diagnosis(reading, case, question, notes, is_json=is_json)


def _note(question: Question, facts: DomainFacts, look: Look) -> tuple[str, ...]:
    """Tell what there is to tell of the domain itself, and what could not be compared for want of servers."""
    whose, settings = question.whose, question.settings
    if whose is None:
        return ()
    findings = look.findings_of(whose)
    notes = [finding.detail for finding in findings if finding.reason and finding.detail]
    named = {member.service for member in facts.members}
    if settings is not None and settings.service not in named:
        service = SERVICE_NAMES[settings.service]
        is_silent = any(finding.reason is Reason.DNS_FAILURE for finding in findings)
        what = (
            f"which servers {whose} names for {service} is not known"
            if is_silent
            else (f"{whose} names no server for {service}")
        )
        notes.append(f"{what}: whether this host is its own cannot be told")
    return tuple(dict.fromkeys(notes))


def _compare(
    asked: ClientSettings, facts: DomainFacts, look: Look, settings: Settings, *, devices: int | None
) -> Comparison:
    """Hold a program's settings against what was found."""
    taste = Taste(settings.policy.submission_preference)
    choice = choose(asked.service, facts.members, look.latest, taste, refused=facts.refused, lost=facts.lost)
    hosts = frozenset(member.key[0] for member in facts.members if member.service is asked.service)
    fault, gap = _find_fault(asked.host, look)
    found = Measured(facts.domain or None, choice, hosts, _seen_at(asked.host, look), fault, gap)
    return compare(asked, found, devices=devices)


def _find_fault(host: str, look: Look) -> tuple[str | None, Gap | None]:
    """Return why a host leads nowhere, or why nothing is known of it; the one excludes the other."""
    for finding in look.plan.findings:
        if finding.host == host and finding.reason in _LEADS_NOWHERE:
            return finding.detail or str(finding.reason), None
    for finding in look.plan.findings:
        if finding.host == host and finding.reason in _NOT_LOOKED_AT:
            counsel = REASON_ADVICE.get(finding.reason)
            why, advice = finding.detail or str(finding.reason), counsel.advice if counsel else None
            return None, Gap(finding.reason is Reason.DNS_FAILURE, why, advice)
    return None, None


def _seen_at(host: str, look: Look) -> tuple[Observation, ...]:
    return tuple(seen for seen in look.latest.values() if seen.endpoint.host == host)


def _seen_for(question: Question, facts: DomainFacts, look: Look) -> tuple[Observation, ...]:
    """Return what a complaint is about: the program's own host, else the servers of the domain."""
    if question.settings is not None:
        return _seen_at(question.settings.host, look)
    keys = {member.key for member in facts.members}
    return tuple(seen for key, seen in look.latest.items() if key in keys)


def _port_in(reading: Reading) -> int | None:
    """Return the mail port that a text names."""
    found = _PORT_IN_TEXT.search(reading.text)
    return None if found is None else int(found[1])


def _show_comparison(comparison: Comparison, look: Look, notes: Sequence[str], *, is_json: bool) -> Exit:
    if is_json:
        record = comparison_to_json(comparison) | {"notes": list(notes)}
        typer.echo(json.dumps(record, ensure_ascii=False, indent=1))
    else:
        print_prose(build_comparison(comparison, notes))
    if _is_blind(look):
        return Exit.CANNOT_WORK
    if comparison.differences:
        return Exit.FINDINGS
    return Exit.DONE if comparison.gap is None else Exit.CANNOT_WORK


def _show_diagnosis(
    reading: Reading, case: Case, question: Question, notes: Sequence[str], *, is_json: bool
) -> Exit:
    """Show what the text means, and where it is one of the three complaints, what is behind it."""
    complaint = None if reading.best is None else reading.best.explanation.complaint
    suspects = () if complaint is None else diagnose(complaint, case)
    if is_json:
        record = diagnosis_to_json(question.whose, complaint, suspects, case)
        record |= {"text": reading_to_json(reading), "notes": list(notes)}
        typer.echo(json.dumps(record, ensure_ascii=False, indent=1))
    elif complaint is not None:
        print_prose(build_diagnosis(question.whose, reading, suspects, case, notes))
    elif reading.is_known:
        print_prose(build_reading(reading))
    if not reading.is_known:
        say("mailport: nothing in this text is known, so nothing was concluded from what was measured")
        return Exit.FINDINGS
    if complaint is None:
        say("mailport: what this text means is not decided by looking at servers; see its causes")
    return Exit.DONE


def _is_blind(look: Look) -> bool:
    """Tell whether nothing could be judged from here, and say so."""
    if look.latest and all(seen.state is State.UNKNOWN for seen in look.latest.values()):
        say("mailport: nothing could be measured: our own network or machine failed every probe")
        return True
    return False
