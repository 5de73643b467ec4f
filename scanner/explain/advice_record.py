"""Advice as plain values: what `mailport advise --format json` and the HTTP interface say alike."""

from scanner.explain.advice import Advice, Setup
from scanner.explain.words import name_place, tell_state
from scanner.model.record import Record
from scanner.verdict.recommendation import Way, is_legacy

STOPGAP = {True: "legacy, for the time being only", False: "an unusual port, for the time being only"}
"""What is said of a port that is no more than a stopgap; the key tells whether it is a legacy one."""


def advice_record(advice: Advice) -> Record:
    """Return advice as plain values."""
    return {
        "domain": advice.domain,
        "purpose": advice.wish.purpose.value,
        "provider": None if advice.provider is None else advice.provider.id,
        "complete": advice.is_complete,
        "recommended": advice.is_met,
        "submission_preference": None if advice.taste.preference is None else advice.taste.preference.value,
        "user_name": {"form": advice.user_name.value, "by_provider": advice.is_user_name_known},
        "wanted": [service.value for service in advice.wanted],
        "services": {
            service.value: _service_record(settings) for service, settings in advice.services.items()
        },
        "caution": advice.caution,
    }


def _service_record(settings: Setup) -> Record:
    choice, credential = settings.choice, settings.credential
    return {
        "use": None if choice.way is None else _way_record(choice.way),
        "credentials": [] if credential is None else [way.value for way in credential.ways],
        "credentials_by_provider": credential is not None and credential.is_by_provider,
        "mechanisms": None if credential is None or credential.offered is None else list(credential.offered),
        "others": [_way_record(way) for way in choice.others],
        "working_alternative": None if choice.stopgap is None else _stopgap_record(choice.stopgap),
        "failing": [_way_record(way) | {"why": tell_state(way.best)} for way in choice.failing],
        "between_servers": [_way_record(way) for way in choice.between_servers],
        "not_measured": [name_place(member.key[0], member.key[2]) for member in choice.unmeasured],
        "not_offered": choice.is_refused,
    }


def _stopgap_record(way: Way) -> Record:
    return _way_record(way) | {"label": STOPGAP[is_legacy(way.port)]}


def _way_record(way: Way) -> Record:
    return {
        "host": way.host,
        "port": way.port,
        "tls_mode": way.tls_mode.value,
        "source": way.source.value,
        "level": max(seen.level for seen in way.seen),
        "addresses": [seen.endpoint.address for seen in way.seen],
    }
