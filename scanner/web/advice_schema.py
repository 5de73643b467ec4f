"""The model of an advice in the OpenAPI document."""

from scanner.model import Service, TlsMode
from scanner.model.ports import Preference
from scanner.model.published import UserName
from scanner.verdict.recommendation import CLIENT_SERVICES
from scanner.web.schema_words import LEVEL, TEXT, Schema, list_of, object_of, one_of, or_null


def advice() -> Schema:
    """Return what is advised of a domain, for each of its services."""
    yes = {"type": "boolean"}
    service = object_of(
        use=or_null(_way()),
        credentials=list_of(TEXT),
        credentials_by_provider=yes,
        mechanisms=or_null(list_of(TEXT)),
        others=list_of(_way()),
        working_alternative=or_null(_way(label=TEXT)),
        failing=list_of(_way(why=TEXT)),
        between_servers=list_of(_way()),
        not_measured=list_of(TEXT),
        not_offered=yes,
    )
    return object_of(
        domain=TEXT,
        purpose=TEXT,
        provider=or_null(TEXT),
        complete=yes,
        recommended=or_null(yes),
        submission_preference=or_null(one_of(Preference)),
        user_name=object_of(form=one_of(UserName), by_provider=yes),
        wanted=list_of(one_of(Service)),
        services=object_of(**{each.value: service for each in CLIENT_SERVICES}),
        caution=or_null(TEXT),
    )


def _way(**more: Schema) -> Schema:
    return object_of(
        host=TEXT,
        port={"type": "integer", "minimum": 1, "maximum": 65535},
        tls_mode=one_of(TlsMode),
        source=TEXT,
        level=LEVEL,
        addresses=list_of(TEXT),
        **more,
    )
