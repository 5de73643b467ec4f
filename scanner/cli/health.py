"""`mailport health`: whether the service on this machine works, for health checks of containers."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.calling import call
from scanner.cli.console import Exit, give_up, say
from scanner.config.health_pass import write_pass
from scanner.config.problem import ConfigError
from scanner.config.values import read_listen
from scanner.config.web_config import load_web_config
from scanner.config.web_listen import DEFAULT_LISTEN, find_listen
from scanner.model.target import escape
from scanner.service.knock import (
    Answer,
    CertificateWantedError,
    NoAnswerError,
    UnusableCertificateError,
    knock,
)

LONGEST_SECONDS = 600.0


def main() -> None:
    """Run this command alone, as the whole command line runs it."""
    app = typer.Typer(name="mailport", add_completion=False, pretty_exceptions_enable=False)
    app.callback()(lambda: None)  # so that the word `health` is still expected
    app.command()(health)
    call(app)


def health(
    *,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Configuration that `serve` was given.")
    ] = None,
    web_config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Web configuration that `serve` was given: opens its password."),
    ] = None,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where it listens, if not as the file says.")
    ] = None,
    is_ready: Annotated[
        bool, typer.Option("--ready", help="Ask whether the first pass is done, not only for life.")
    ] = False,
    client_cert: Annotated[
        Path | None,
        typer.Option(metavar="PEM", help="Certificate and key to show, where it lets in only such clients."),
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="S", help="How long to wait for the answer.")] = 4.0,
) -> None:
    """Ask the service on this machine whether it works; exit 0 if it does, 3 if not."""
    if not 0 < timeout <= LONGEST_SECONDS:
        give_up(f"--timeout must be more than 0 and at most {LONGEST_SECONDS:g} seconds")
    if client_cert is not None and not client_cert.is_file():
        give_up(f"--client-cert {escape(str(client_cert))}: there is no such file")
    place = _find_place(config, os.environ) if listen is None else _read_listen(listen)
    path = "/-/ready" if is_ready else "/-/healthy"
    sign = _find_pass(web_config)
    try:
        answer = asyncio.run(knock(place, path, authorization=sign, certificate=client_cert, seconds=timeout))
    except UnusableCertificateError as error:
        give_up(f"--client-cert {error}")
    except NoAnswerError as error:
        give_up(f"not healthy: {place} gives no answer: {error}", Exit.CANNOT_WORK)
    except CertificateWantedError:
        if is_ready:
            give_up(f"{place} breaks off TLS; show it a certificate with --client-cert", Exit.CANNOT_WORK)
        typer.echo("mailport is alive; it breaks off TLS with a client that shows no certificate.")
        return
    _tell(place, answer, is_ready=is_ready)


def _tell(place: str, answer: Answer, *, is_ready: bool) -> None:
    if answer.is_ours and answer.status == 200:
        typer.echo(escape(answer.text))
    elif answer.is_ours and answer.status == 401 and not is_ready:
        typer.echo("mailport is alive; it asks for a password before it says more.")
    elif answer.is_ours and answer.status == 401:
        give_up(f"{place} asks for a password; name its --web-config FILE", Exit.CANNOT_WORK)
    elif answer.is_ours:
        give_up(escape(answer.text), Exit.CANNOT_WORK)
    else:
        what = f"{answer.status} {escape(answer.text)}".strip()
        give_up(f"not healthy: {place} does not answer as mailport does: {what}", Exit.CANNOT_WORK)


def _read_listen(text: str) -> str:
    try:
        return read_listen(text)
    except ValueError as error:
        give_up(f"--listen {error}")


def _find_place(config: Path | None, environ: Mapping[str, str]) -> str:
    """Return where the service listens; a file that went bad does not make a running service unhealthy."""
    if config is None:
        return DEFAULT_LISTEN
    try:
        return find_listen(config, environ)
    except ConfigError as error:
        for line in str(error).splitlines():
            say(f"mailport: {line}")
        say(f"mailport: asking at {DEFAULT_LISTEN}, since the configuration cannot be read")
        return DEFAULT_LISTEN


def _find_pass(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        users = load_web_config(path).basic_auth_users
    except ConfigError as error:
        for line in str(error).splitlines():
            say(f"mailport: {line}")
        return None
    return write_pass(users) if users else None
