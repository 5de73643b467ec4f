"""Writes the manual page and the completions that packages install."""

from pathlib import Path

from scripts.manual import completions, man
from scripts.manual.commands import read_commands

FOLDER = Path(__file__).parents[2] / "packaging"


def render_all() -> dict[Path, str]:
    """Every file with its text."""
    commands = read_commands()
    return {
        FOLDER / "man" / "mailport.1": man.render(commands),
        FOLDER / "completions" / "mailport.bash": completions.render_bash(commands),
        FOLDER / "completions" / "_mailport": completions.render_zsh(commands),
        FOLDER / "completions" / "mailport.fish": completions.render_fish(commands),
    }


def main() -> None:
    """Write every file."""
    for path, text in render_all().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
