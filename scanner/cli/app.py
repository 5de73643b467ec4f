"""The command `mailport` and its commands; each reads its options, does its work, and ends with a status."""

import os
from pathlib import Path
from typing import Annotated

import typer

from scanner import __version__
from scanner.cli.calling import call
from scanner.cli.checking import check_file
from scanner.cli.console import Exit, ending_quietly, give_up, run_interruptibly, say
from scanner.cli.consult import accounts, advise, explain
from scanner.cli.health import health
from scanner.cli.logs import LogFormat, set_up_logging
from scanner.cli.memory_commands import baseline, events, rejudge
from scanner.cli.options import COMMAND_LINE, list_problems
from scanner.cli.output import Format
from scanner.cli.scan import FailOn, ScanOptions, scan_targets
from scanner.cli.shards import choose_shard
from scanner.cli.starting import check_service
from scanner.cli.worker import run_worker
from scanner.config import ConfigError, Settings, load_settings, override

app = typer.Typer(
    name="mailport",
    help="Watches the mail ports of domains: which are blocked, which are downgraded, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

app.add_typer(baseline)
app.command()(events)
app.command()(rejudge)
app.command()(advise)
app.command()(explain)
app.command()(accounts)
app.command()(health)

ConfigOption = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Configuration (YAML).")]
DEFAULT_CONFIG = Path("config/mailport.yml")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mailport {__version__}")
        raise typer.Exit


@app.callback()
def mailport(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before any command."""


@app.command()
def scan(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="TARGET...", help="example.org, host:25, smtp://host:2525 ..."),
    ] = None,
    *,
    target_file: Annotated[
        str | None,
        typer.Option("--targets", metavar="FILE|-", help="Targets, one a line; - reads them from stdin."),
    ] = None,
    ports: Annotated[
        str | None,
        typer.Option(metavar="25,587,...", help="Ports of targets that name none (default: all seven)."),
    ] = None,
    output_format: Annotated[
        Format, typer.Option("--format", help="How to write the results.")
    ] = Format.TABLE,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the results here, not to stdout.")
    ] = None,
    config: ConfigOption = None,
    resolver: Annotated[
        str | None, typer.Option(metavar="IP[:PORT]", help="Name server to ask instead of the system's.")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option("--ca-file", metavar="PEM", help="Certificates to trust, not the system's.")
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Probe private, loopback and link-local addresses too.")
    ] = False,
    exclude: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Names, addresses and networks to leave alone, one a line."),
    ] = None,
    ipv4: Annotated[bool, typer.Option("--ipv4", help="IPv4 addresses only.")] = False,
    ipv6: Annotated[bool, typer.Option("--ipv6", help="IPv6 addresses only.")] = False,
    concurrency: Annotated[
        int | None, typer.Option(metavar="N", help="Connections open at once (default 200).")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(metavar="N", help="Connections started a second, 0 = no limit (default 50)."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", help="Cap on connect and on every single read, in seconds.")
    ] = None,
    no_versions: Annotated[
        bool, typer.Option("--no-versions", help="Do not list the TLS versions that a server accepts.")
    ] = False,
    groups: Annotated[
        bool, typer.Option("--groups", help="List the key exchange groups too: two connections more.")
    ] = False,
    fail_on: Annotated[
        FailOn, typer.Option(help="Exit with 1 if there are findings of this weight.")
    ] = FailOn.NEVER,
    resume: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep finished results here and go on from them.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="MAILPORT_CLUSTER",
            help="Have the workers at this broker make the probes (redis://...; docs/scaling.md).",
        ),
    ] = None,
) -> None:
    """Probe targets once and print what was found."""
    if ipv4 and ipv6:
        give_up("--ipv4 and --ipv6 exclude each other; leave both out to probe both families")
    if cluster and (ca_file is not None or timeout is not None):
        option = "--timeout" if ca_file is None else "--ca-file"
        give_up(f"{option} has no effect with --cluster: the workers' configuration says it, under probe:")
    changes: dict[str, object] = {
        "cluster.broker": cluster or None,
        "resolver.servers": None if resolver is None else [resolver],
        "probe.ca_file": None if ca_file is None else str(ca_file),
        "probe.allow_private": True if allow_private else None,
        "probe.families": ["ipv4"] if ipv4 else ["ipv6"] if ipv6 else None,
        "probe.timeout": timeout,
        "probe.groups": True if groups else None,
        "limits.concurrency": concurrency,
        "limits.rate": rate,
        "ports": None if ports is None else _read_ports(ports),
    }
    options = ScanOptions(
        targets=tuple(targets or ()),
        target_file=target_file,
        config=config,
        changes={name: value for name, value in changes.items() if value is not None}
        | ({"probe.versions_interval": None} if no_versions else {}),
        format=output_format,
        out=out,
        fail_on=fail_on,
        resume=resume,
        exclude=exclude,
        cluster=cluster or None,
    )
    with ending_quietly():
        raise typer.Exit(scan_targets(options))


def _read_ports(text: str) -> list[object]:
    parts = [part.strip() for part in text.split(",")]
    return [int(part) if part.isascii() and part.isdigit() and len(part) < 6 else part for part in parts]


@app.command()
def serve(
    *,
    config: ConfigOption = None,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where to serve HTTP (default 0.0.0.0:9587).")
    ] = None,
    web_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TLS and passwords for HTTP, as exporter-toolkit has.")
    ] = None,
    grafana: Annotated[
        str | None,
        typer.Option(
            metavar="URL", envvar="MAILPORT_GRAFANA", help="Where Grafana is, for links from the pages to it."
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Probe the I-th of N parts of all targets (2/3; docs/scaling.md)."),
    ] = None,
    log_format: Annotated[LogFormat, typer.Option(help="How to write the log (to stderr).")] = LogFormat.TEXT,
) -> None:
    """Watch targets for ever and serve the results to Prometheus and to people."""
    # Imported here, because the web server takes a third of the time in which the other commands start.
    from scanner.service.far import QueueTakenError  # noqa: PLC0415
    from scanner.service.serve import run_service  # noqa: PLC0415
    from scanner.service.share import Share  # noqa: PLC0415
    from scanner.service.web_terms import WebTerms  # noqa: PLC0415
    from scanner.web import ListenError, bind  # noqa: PLC0415

    path = config or DEFAULT_CONFIG
    share = Share(choose_shard(shard))

    def load() -> Settings:
        settings = load_settings(path, os.environ)
        check_service(settings, share.shard)
        given = {"web.listen": listen, "web.grafana": grafana or None}
        changes = {key: value for key, value in given.items() if value is not None}
        return override(settings, changes, source=COMMAND_LINE)

    try:
        settings = load()
        terms = WebTerms(web_config)
        sock = bind(settings.web.listen)
    except ConfigError as error:
        give_up(list_problems(error))
    except ListenError as error:
        give_up(str(error))
    set_up_logging(log_format)
    try:
        run_interruptibly(run_service(settings, load, sock, terms=terms, share=share))
    except QueueTakenError as error:
        give_up(str(error))


@app.command()
def worker(
    *,
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="Configuration (YAML).")],
    log_format: Annotated[LogFormat, typer.Option(help="How to write the log (to stderr).")] = LogFormat.TEXT,
) -> None:
    """Make the probes that the scheduler of a cluster hands out."""
    run_worker(config, log_format)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Configuration files.")],
) -> None:
    """Check configurations; every error comes with its file, line and key."""
    is_bad = False
    for path in files:
        try:
            summary = check_file(path, os.environ, say)
        except ConfigError as error:
            is_bad = True
            for line in str(error).splitlines():
                say(line)
        else:
            typer.echo(f"{path}: good, {summary}")
    if is_bad:
        raise typer.Exit(Exit.USAGE)


@app.command()
def demo(
    *,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to serve the results.")
    ] = "127.0.0.1:9587",
    once: Annotated[bool, typer.Option("--once", help="Print the table and end, serve nothing.")] = False,
) -> None:
    """Start a farm of good, bad and hostile mail servers on loopback, scan it and serve the result."""
    from scanner.cli.demo import run_demo  # noqa: PLC0415 - for the web server's sake, as in `serve`

    with ending_quietly():
        raise typer.Exit(run_demo(listen, once=once))


def main() -> None:
    """Run the command line and end with its status."""
    call(app)
