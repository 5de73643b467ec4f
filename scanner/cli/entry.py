"""Where the command `mailport` begins: light, so that even its first moments end in good order."""

import sys


def main() -> None:
    """Run the command `mailport`; whatever stops it, a person reads one line and no traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # What this terminal's encoding lacks is escaped, never a reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        # Imported here, because it takes most of a second in which Ctrl-C may come. A health check, which
        # comes twice a minute, brings nothing of the rest.
        if sys.argv[1:2] == ["health"]:
            from scanner.cli.health import main as run  # noqa: PLC0415
        else:
            from scanner.cli.app import main as run  # noqa: PLC0415

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except OSError as error:
        from scanner.cli.console import Exit, mute_stdout, say  # noqa: PLC0415

        mute_stdout()
        say(f"mailport: cannot go on: {error.strerror or error}")
        raise SystemExit(Exit.CANNOT_WORK) from None
