"""Sets up the log: to standard error, as text for people or as JSON for machines."""

import logging
from enum import StrEnum
from typing import TextIO, cast

import structlog

from scanner.cli.console import STANDARD_ERROR


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


def silence_logging() -> None:
    """Log nothing: a command that tells its news in sentences of its own has results on standard output."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def set_up_logging(log_format: LogFormat) -> None:
    """Configure the log of the whole process."""
    is_terminal = STANDARD_ERROR.isatty()
    renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(colors=is_terminal, pad_event_to=16)
    if log_format is LogFormat.JSON:
        renderer = structlog.processors.JSONRenderer()
    processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*processors, renderer],
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", STANDARD_ERROR)),
    )
    # Libraries (uvicorn, asyncio) log by the standard module: their lines must look like ours.
    handler = logging.StreamHandler(STANDARD_ERROR)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=processors,
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
