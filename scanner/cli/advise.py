"""The command `advise`: which servers, ports and settings to use for a domain, by what was measured."""

import json

import typer

from scanner.cli.advise_view import advice_to_json, build_advice
from scanner.cli.console import Exit, give_up, say
from scanner.cli.prose import print_prose
from scanner.cli.survey import Network, survey
from scanner.config import Settings
from scanner.config.catalogue import Provider
from scanner.discovery import Catalogue
from scanner.discovery.whose import find_provider
from scanner.explain.advice import Advice, Wish, advise
from scanner.model import State
from scanner.model.domain import DomainFacts
from scanner.model.target import Target, TargetError, parse_target
from scanner.service.look import Look


def advise_domain(text: str, wish: Wish, network: Network, *, is_json: bool) -> Exit:
    """Look at a domain and say what to use; the status is 1 where something wanted cannot be recommended."""
    target = read_domain(text)
    settings = network.settings([target])
    look = survey(settings, network)
    facts = look.facts_of(target.host)
    if facts is None:
        facts = DomainFacts(target.host, is_found=False)
    advice = advise(
        facts, look.latest, provider_of(settings, facts, look), wish, settings.policy.submission_preference
    )
    findings = look.findings_of(target.host)
    if is_json:
        typer.echo(json.dumps(advice_to_json(advice, findings), ensure_ascii=False, indent=1))
    else:
        print_prose(build_advice(advice, findings))
    return _status(advice, look)


def read_domain(text: str) -> Target:
    """Read the domain that is asked about; a port makes no sense here."""
    try:
        target = parse_target(text.rpartition("@")[2] if text.count("@") == 1 else text)
    except TargetError as error:
        give_up(str(error))
    if target.port is not None or target.is_address:
        give_up(f'"{target}": give a domain such as example.org; what its port does, mailport scan tells')
    return target


def provider_of(settings: Settings, facts: DomainFacts, look: Look) -> Provider | None:
    """Return the provider that the domain's servers belong to, by the catalogue."""
    if not settings.discovery.catalogue:
        return None
    endpoints = {endpoint.key: endpoint for endpoint in look.plan.endpoints}
    return find_provider(Catalogue(settings.catalogue), facts, endpoints.get)


def _status(advice: Advice, look: Look) -> Exit:
    if look.latest and all(seen.state is State.UNKNOWN for seen in look.latest.values()):
        say("mailport: nothing could be measured: our own network or machine failed every probe")
        return Exit.CANNOT_WORK
    return Exit.DONE if advice.is_complete else Exit.FINDINGS
