"""Where the service listens, read from a configuration file that may be wrong everywhere else."""

from collections.abc import Mapping
from pathlib import Path

from scanner.config.files import FileProblemError, read_file
from scanner.config.load import read_yaml
from scanner.config.problem import ConfigError, Problem
from scanner.config.values import read_listen
from scanner.config.web_settings import WebSettings

DEFAULT_LISTEN = WebSettings().listen


def find_listen(path: Path, environ: Mapping[str, str]) -> str:
    """Return `web.listen` of a configuration file as HOST:PORT; the default where it says nothing.

    No other key is looked at, and no list of targets read: a service that refused a bad file goes on.

    Raises:
        ConfigError: the file cannot be read, is no YAML, or names no address that can be listened on.
    """
    try:
        document = read_yaml(read_file(path), str(path), environ)
    except FileProblemError as error:
        raise ConfigError([Problem(str(path), error.line, "", str(error))]) from None
    web = document.value.get("web") if isinstance(document.value, dict) else None
    if not isinstance(web, dict) or "listen" not in web:
        return DEFAULT_LISTEN
    try:
        return read_listen(web["listen"])
    except ValueError as error:
        line = document.line_of(("web", "listen"))
        raise ConfigError([Problem(str(path), line, "web.listen", str(error))]) from None
