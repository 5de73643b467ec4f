"""The commands that give advice, and the one that tries accounts: what to use, what an error means."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.console import ending_quietly, give_up
from scanner.cli.memory_commands import Form, FormOption
from scanner.verdict.credentials import Purpose

# What these commands do is imported when one runs, so that the others start as fast as before.

DEFAULT_CONFIG = Path("config/mailport.yml")


class AccountForm(StrEnum):
    """How the results of account checks are written."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"


ConfigOption = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Configuration (YAML).")]
ResolverOption = Annotated[
    str | None, typer.Option("--resolver", metavar="IP[:PORT]", help="Name server to ask, not the system's.")
]
CaFileOption = Annotated[
    Path | None, typer.Option("--ca-file", metavar="PEM", help="Certificates to trust, not the system's.")
]
PrivateOption = Annotated[
    bool, typer.Option("--allow-private", help="Probe private, loopback and link-local addresses too.")
]
ExcludeOption = Annotated[
    Path | None,
    typer.Option(
        "--exclude", metavar="FILE", help="Names, addresses and networks to leave alone, one a line."
    ),
]
TimeoutOption = Annotated[
    float | None,
    typer.Option("--timeout", metavar="S", help="Cap on connect and on every single read, in seconds."),
]


def advise(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="example.org, or an address at it.")],
    *,
    purpose: Annotated[Purpose, typer.Option("--for", help="What the settings are for.")] = Purpose.CLIENT,
    devices: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="How many devices read the mailbox.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Mail is kept on the device, or the mailbox has little room.")
    ] = False,
    form: FormOption = Form.TEXT,
    config: ConfigOption = None,
    resolver: ResolverOption = None,
    ca_file: CaFileOption = None,
    allow_private: PrivateOption = False,
    exclude: ExcludeOption = None,
    timeout: TimeoutOption = None,
) -> None:
    """Say which servers, ports and settings to use for a domain, from what is measured now."""
    from scanner.cli.advise import advise_domain  # noqa: PLC0415 - see above
    from scanner.cli.survey import Network  # noqa: PLC0415
    from scanner.explain.advice import Wish  # noqa: PLC0415

    network = Network(config, resolver, ca_file, allow_private, timeout, exclude)
    with ending_quietly():
        status = advise_domain(domain, Wish(purpose, devices, local), network, is_json=form is Form.JSON)
        raise typer.Exit(status)


def accounts(
    *,
    config: ConfigOption = None,
    form: Annotated[
        AccountForm, typer.Option("--format", help="A table, an array, or a line each.")
    ] = AccountForm.TABLE,
    resolver: ResolverOption = None,
    ca_file: CaFileOption = None,
    allow_private: PrivateOption = False,
    exclude: ExcludeOption = None,
    timeout: TimeoutOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Try too what waits after a refusal; accounts may get locked.")
    ] = False,
) -> None:
    """Try to sign in with the accounts of the configuration, once, and say what to mend."""
    from scanner.cli.accounts import check_accounts  # noqa: PLC0415 - see above

    changes: dict[str, object] = {
        "resolver.servers": None if resolver is None else [resolver],
        "probe.ca_file": None if ca_file is None else str(ca_file),
        "probe.allow_private": True if allow_private else None,
        "probe.timeout": timeout,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    with ending_quietly():
        raise typer.Exit(
            check_accounts(config or DEFAULT_CONFIG, given, form, exclude=exclude, is_forced=force)
        )


def explain(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar='PORT|"TEXT"|-', help="587, a pasted error or log line; - reads one from stdin."
        ),
    ] = None,
    *,
    form: FormOption = Form.TEXT,
    config: Annotated[
        list[str] | None,
        typer.Option(
            "--config",
            metavar="HOST:PORT:MODE|FILE",
            help="What a program is set to, MODE being ssl, starttls or none; and a configuration (YAML).",
        ),
    ] = None,
    domain: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="Whose mail it is: look there for the cause.")
    ] = None,
    devices: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="How many devices read the mailbox.")
    ] = None,
    resolver: ResolverOption = None,
    ca_file: CaFileOption = None,
    allow_private: PrivateOption = False,
    exclude: ExcludeOption = None,
    timeout: TimeoutOption = None,
) -> None:
    """Say what a port is for, what an error means, or which of a program's settings is wrong."""
    with ending_quietly():
        if not config and domain is None:
            from scanner.cli.explain import explain_words  # noqa: PLC0415 - see above

            raise typer.Exit(explain_words(words or [], is_json=form is Form.JSON))
        # These look at servers.
        from scanner.cli.explain_case import Question, explain_case, sort_configs  # noqa: PLC0415
        from scanner.cli.survey import Network  # noqa: PLC0415

        settings, path = sort_configs(config or [])
        if settings is None and domain is None:
            give_up("--config: a configuration alone asks nothing; add HOST:PORT:MODE or --domain")
        if settings is None and not words:
            give_up("nothing to explain: give a text, or --config HOST:PORT:MODE, beside --domain")
        question = Question(tuple(words or ()), settings, domain, devices)
        network = Network(path, resolver, ca_file, allow_private, timeout, exclude)
        raise typer.Exit(explain_case(question, network, is_json=form is Form.JSON))
