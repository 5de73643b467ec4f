"""The templates of the pages, and the words that they may use; everything is escaped unless it is our own."""

from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from scanner.model import Severity
from scanner.model.endpoint_id import write_id
from scanner.model.observation import Key
from scanner.web import trouble, view

_SEVERITY_MARKS = {Severity.NOTICE: "info", Severity.WARNING: "warn", Severity.CRITICAL: "bad"}


def endpoint_link(key: Key) -> str:
    """Return the address of an endpoint's page."""
    return f"/endpoints/{quote(write_id(key), safe=':~')}"


def domain_link(name: str) -> str:
    """Return the address of a domain's page."""
    return f"/domains/{quote(name, safe=':')}"


def render(name: str, **values: object) -> str:
    """Return a page; a name that a template uses and nobody gave is our own fault, and raised."""
    return _templates.get_template(name).render(values)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("scanner.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "age": view.say_age,
        "span": view.say_span,
        "name": view.say_name,
        "title": view.say_title,
        "wait": view.say_wait,
        "seconds": view.say_seconds,
        "time": view.say_time,
        "concern_mark": view.mark_of,
        "counsel": view.counsel_on,
        "severity_mark": _SEVERITY_MARKS.__getitem__,
        "endpoint_link": endpoint_link,
        "domain_link": domain_link,
        "face": trouble.face_of,
        "trouble": trouble.tell_endpoint,
        "domain_trouble": trouble.tell_domain,
        "more": trouble.count_more,
    }
    environment.globals["levels"] = view.LEVELS
    return environment


_templates = _environment()
