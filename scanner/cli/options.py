"""Names the options that set settings, so that an error speaks of what the user typed."""

from scanner.config import ConfigError

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


def list_problems(error: ConfigError) -> list[str]:
    """Return every problem as a line for a person: with its file and line, or with its option."""
    lines = []
    for problem in error.problems:
        option = _OPTION_OF.get(problem.key.partition("[")[0]) if problem.source == COMMAND_LINE else None
        lines.append(str(problem) if option is None else f"{option}: {problem.message}")
    return lines
