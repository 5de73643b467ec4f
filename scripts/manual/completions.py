"""Writes what completes the command line in bash, zsh and fish: plain scripts that start no Python."""

from collections.abc import Iterator

from scripts.manual.commands import Command, Option

_HEAD = "Made from the command line by `make manual`. Do not edit."


def _key(command: Command) -> str:
    """The words of a command behind `mailport`."""
    return " ".join(command.words[1:])


def render_bash(commands: list[Command]) -> str:
    """The script that bash-completion loads."""
    return "\n".join(_bash(commands)) + "\n"


def _bash(commands: list[Command]) -> Iterator[str]:
    yield f"# bash completion for mailport. {_HEAD}"
    yield "_mailport() {"
    yield "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= i"
    yield "    # --option=value comes as three words."
    yield "    [[ $current == = ]] && current="
    yield "    [[ $previous == = ]] && previous=${COMP_WORDS[COMP_CWORD-2]}"
    yield "    for ((i = 1; i < COMP_CWORD; i++)); do"
    yield '        case "$command/${COMP_WORDS[i]}" in'
    for command in commands[1:]:
        parent = " ".join(command.words[1:-1])
        yield f"            '{parent}/{command.words[-1]}') command='{_key(command)}' ;;"
    yield "        esac"
    yield "    done"
    yield '    case "$command/$previous" in'
    for command in commands:
        for option in command.options:
            if option.value:
                names = "|".join(f"'{_key(command)}/{name}'" for name in option.names)
                yield f"        {names}) {_bash_value(option)}; return ;;"
    yield "    esac"
    yield '    case "$command/$current" in'
    for command in commands:
        options = " ".join(name for option in command.options for name in option.names)
        yield f"        '{_key(command)}'/-*) COMPREPLY=($(compgen -W '{options}' -- \"$current\")) ;;"
        if command.below:
            words = " ".join(command.below)
            yield f"        '{_key(command)}'/*) COMPREPLY=($(compgen -W '{words}' -- \"$current\")) ;;"
        elif command.takes_paths:
            yield f"        '{_key(command)}'/*) {_BASH_FILES} ;;"
    yield "    esac"
    yield "}"
    yield "complete -F _mailport mailport"


_BASH_FILES = 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$current"))'


def _bash_value(option: Option) -> str:
    if option.choices:
        return f"COMPREPLY=($(compgen -W '{' '.join(option.choices)}' -- \"$current\"))"
    return _BASH_FILES if option.is_path else "COMPREPLY=()"


def render_zsh(commands: list[Command]) -> str:
    """The function that zsh loads from its path."""
    return "\n".join(_zsh(commands)) + "\n"


def _zsh(commands: list[Command]) -> Iterator[str]:
    yield "#compdef mailport"
    yield f"# {_HEAD}"
    yield "local curcontext=$curcontext state line command"
    yield "local -A opt_args"
    yield "_mailport_command() {"
    yield '    case "$1" in'
    for command in commands:
        yield f"        '{_key(command)}')"
        yield " \\\n                ".join(["            _arguments -C", *_zsh_specs(command, commands)])
        if command.below:
            prefix = f"{_key(command)} " if _key(command) else ""
            yield f'            [[ $state == below ]] && _mailport_command "{prefix}$words[1]"'
        yield "            ;;"
    yield "    esac"
    yield "}"
    yield "_mailport_command ''"


def _zsh_specs(command: Command, commands: list[Command]) -> Iterator[str]:
    for option in command.options:
        for name in option.names:
            yield _zsh_option(name, option)
    if command.below:
        about = {each.words[-1]: each.help for each in commands if each.words[:-1] == command.words}
        choices = " ".join(f"{name}\\:{_zsh_quote(about[name])}" for name in command.below)
        yield f"'1:command:(({choices}))'"
        yield "'*::argument:->below'"
    elif command.arguments:
        # An argument without an action would keep zsh from completing options.
        yield f"'*:argument:{'_files' if command.takes_paths else '_hosts'}'"


def _zsh_option(name: str, option: Option) -> str:
    told = _zsh_quote(option.help).replace("[", "(").replace("]", ")")
    if not option.value:
        return f"'{name}[{told}]'"
    action = f"({' '.join(option.choices)})" if option.choices else "_files" if option.is_path else ""
    value = option.value.replace(":", "\\:").replace("[", "(").replace("]", ")")
    return f"'{name}[{told}]:{value}:{action}'"


def _zsh_quote(text: str) -> str:
    """Text within single quotes, where `:` and blanks mean something."""
    for mark in ("\\", ":", "(", ")"):
        text = text.replace(mark, f"\\{mark}")
    return text.replace("'", "'\\''").replace(" ", "\\ ").replace("`", "")


def render_fish(commands: list[Command]) -> str:
    """The script that fish loads from its path."""
    return "\n".join(_fish(commands)) + "\n"


def _fish(commands: list[Command]) -> Iterator[str]:
    yield f"# fish completion for mailport. {_HEAD}"
    yield "complete -c mailport -f"
    for command in commands:
        where = _fish_condition(command)
        for name in command.below:
            (about,) = (each.help for each in commands if each.words == (*command.words, name))
            yield f"complete -c mailport -n '{where}' -a {name} -d {_fish_quote(about)}"
        if command.takes_paths:
            yield f"complete -c mailport -n '{where}' -F"
        for option in command.options:
            for name in option.names:
                yield f"complete -c mailport -n '{where}' {_fish_option(name, option)}"


def _fish_condition(command: Command) -> str:
    if len(command.words) == 1:
        return "__fish_use_subcommand"
    seen = [f"__fish_seen_subcommand_from {word}" for word in command.words[1:]]
    unseen = [f"not __fish_seen_subcommand_from {' '.join(command.below)}"] if command.below else []
    return "; and ".join(seen + unseen)


def _fish_option(name: str, option: Option) -> str:
    told = f"-l {name.lstrip('-')} -d {_fish_quote(option.help)}"
    if option.choices:
        return f"{told} -x -a '{' '.join(option.choices)}'"
    if option.is_path:
        return f"{told} -r -F"
    return f"{told} -x" if option.value else told


def _fish_quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
