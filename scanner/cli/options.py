"""What options do to settings, and how an error names the option that the user typed."""

from pathlib import Path

from scanner.config import ConfigError, Settings, read_exclude_file

COMMAND_LINE = "command line"
"""The source of settings that come from options."""

_OPTION_OF = {
    "cluster.broker": "--cluster",
    "limits.concurrency": "--concurrency",
    "limits.rate": "--rate",
    "ports": "--ports",
    "probe.ca_file": "--ca-file",
    "probe.timeout": "--timeout",
    "resolver.servers": "--resolver",
    "web.listen": "--listen",
    "web.grafana": "--grafana",
}


def leave_alone(settings: Settings, exclude: Path | None) -> Settings:
    """Return the settings with the entries of a file excluded beside what they exclude already.

    Raises:
        ConfigError: the file cannot be read, or holds lines that are no entries.
    """
    if exclude is None:
        return settings
    entries = (*settings.exclude, *read_exclude_file(exclude))
    return settings.model_copy(update={"exclude": entries})


def list_problems(error: ConfigError) -> list[str]:
    """Return every problem as a line for a person: with its file and line, or with its option."""
    lines = []
    for problem in error.problems:
        option = _OPTION_OF.get(problem.key.partition("[")[0]) if problem.source == COMMAND_LINE else None
        lines.append(str(problem) if option is None else f"{option}: {problem.message}")
    return lines
