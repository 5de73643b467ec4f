"""Reads YAML into plain values and remembers on which line every key stands.

Only what a configuration needs is read: one document of sections, lists and single values. Anchors, aliases
and tags are refused and nesting is bounded, so no text grows in memory; `no` and `12:30` are words, as they
look.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from scanner.config.problem import describe_value

KeyPath = tuple[str | int, ...]
"""The way to a value: keys, and indexes of list items from 0."""

_MAX_DEPTH = 16
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_BARE_VARIABLE = re.compile(r"""[\[{].*[\[{,:]\s*[^\s"',\[\]{}]*\$\{""")
"""A variable without quotes inside a list or a section on one line, where YAML takes its { for its own."""
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Substituted(str):
    """A text with something from the environment in it: the key decides whether it is a number."""

    __slots__ = ()

    def resolve(self) -> object:
        """Return what the text would mean as a value without quotes."""
        return _resolve(self)


class DocumentError(Exception):
    """A text that is no YAML document at all, with the line (from 1) where that shows."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(slots=True)
class Document:
    """What was read from one text."""

    value: object = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    """The line of every key and list item."""
    problems: list[tuple[KeyPath, int, str]] = field(default_factory=list)
    unknown: set[KeyPath] = field(default_factory=set)
    """Paths whose value could not be told because of one of the problems; they hold None."""

    def is_unknown(self, path: KeyPath) -> bool:
        """Whether the value at a path, or one above it, could not be told."""
        return any(path[:length] in self.unknown for length in range(len(path) + 1))

    def line_of(self, path: KeyPath) -> int | None:
        """The line of a path, or else of the nearest thing above it."""
        above = (path[:length] for length in range(len(path), 0, -1))
        return next((self.lines[known] for known in above if known in self.lines), None)


def read_document(text: str, environ: Mapping[str, str]) -> Document:
    """Read one YAML document, with `${NAME}` taken from `environ`; raise `DocumentError` if it is none."""
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        line = text.count("\n", 0, unprintable.start()) + 1
        raise DocumentError(line, f"control character U+{ord(unprintable[0]):04X}; remove it")
    document = Document()
    try:
        document.value = _Reader(yaml.parse(text, Loader=_LOADER), document, environ).read()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise DocumentError(line or None, _explain_syntax(error, text, line)) from None
    except yaml.YAMLError as error:
        raise DocumentError(None, f"not valid YAML: {error}") from None
    return document


class _Reader:
    """Turns the parser's events into values, one method a kind of node."""

    def __init__(self, events: Iterator[yaml.Event], document: Document, environ: Mapping[str, str]) -> None:
        self._events = events
        self._document = document
        self._environ = environ

    def read(self) -> object:
        """Read the one document there is; None when there is nothing."""
        value: object = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise DocumentError(_line(event), "a second document begins (---); keep one only")
            elif isinstance(event, yaml.NodeEvent):
                self._document.lines[()] = _line(event)
                value = self._read_node(event, ())
        return value

    def _read_node(self, event: yaml.Event, path: KeyPath) -> object:
        """Read a value of any kind with all that is in it."""
        if len(path) > _MAX_DEPTH:
            raise DocumentError(_line(event), f"nested deeper than {_MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            self._refuse(path, event, "aliases (*name) are not supported; write the value out")
            return None
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self._refuse(path, event, "anchors (&name) are not supported; remove it")
        if isinstance(event, yaml.ScalarEvent):
            return self._read_scalar(event, path)
        if isinstance(event, yaml.CollectionStartEvent) and event.tag is not None:
            self._refuse(path, event, f"tags ({event.tag}) are not supported; remove it")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._read_list(path)
        return self._read_section(path)

    def _read_list(self, path: KeyPath) -> list[object]:
        """Read the items up to the end of the list."""
        items: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            item = (*path, len(items))
            self._document.lines[item] = _line(event)
            items.append(self._read_node(event, item))
        return items

    def _read_section(self, path: KeyPath) -> dict[str, object]:
        """Read the keys and values up to the end of the section; the first of two equal keys counts."""
        section: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
                raise DocumentError(_line(event), "a key must be a plain word")
            key = (*path, event.value)
            if event.value in section:
                first = self._document.lines[key]
                self._document.problems.append(
                    (key, _line(event), f"this key is already on line {first}; keep one of the two")
                )
                self._skip()
                continue
            self._document.lines[key] = _line(event)
            section[event.value] = self._read_node(next(self._events), key)
        return section

    def _skip(self) -> None:
        """Pass over one value."""
        depth = 0
        for event in self._events:
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth == 0:
                return

    def _read_scalar(self, event: yaml.ScalarEvent, path: KeyPath) -> object:
        """Read a single value; only one without quotes can be a number, a switch or nothing."""
        if event.tag is not None:
            self._refuse(path, event, f"tags ({event.tag}) are not supported; write the plain value")
            return None
        text = self._fill_in(event, path)
        if text != event.value:
            return Substituted(text)
        return text if event.style else _resolve(text)

    def _fill_in(self, event: yaml.ScalarEvent, path: KeyPath) -> str:
        """Replace `${NAME}` by the environment's value and `$${` by `${`."""

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name is None:
                return "${"
            if not match[2] or not _VARIABLE_NAME.fullmatch(name):
                problem = f"{describe_value(match[0])}: write ${{NAME}} for a variable, $${{ for a plain ${{"
                self._refuse(path, event, problem)
            elif name not in self._environ:
                self._refuse(path, event, f"the environment variable {name} is not set; set it")
            return self._environ.get(name, "")

        return _VARIABLE.sub(replace, event.value)

    def _refuse(self, path: KeyPath, event: yaml.Event, message: str) -> None:
        """Note a problem that leaves a value unknown."""
        self._document.problems.append((path, _line(event), message))
        self._document.unknown.add(path)


def _resolve(text: str) -> object:
    """Return what a value without quotes means."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _line(event: yaml.Event) -> int:
    """The line where an event begins, from 1."""
    return 1 if event.start_mark is None else event.start_mark.line + 1


def _explain_syntax(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    """Say what the YAML parser stumbled over, with a hint for the most common slips."""
    lines = text.splitlines()
    stumbled = lines[line - 1] if 0 < line <= len(lines) else ""
    if "\t" in stumbled[: len(stumbled) - len(stumbled.lstrip())]:
        hint = "; indent with spaces, not with tabs"
    elif re.search(r"\[[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]", stumbled):
        hint = '; put IPv6 addresses in quotes: "[2001:db8::1]:25"'
    elif _BARE_VARIABLE.search(stumbled):
        hint = '; within { } and [ ] put a variable in quotes: "${NAME}"'
    elif stumbled.count(": ") > 1:
        hint = "; put text with a colon in quotes"
    else:
        hint = ""
    begun = error.context_mark.line + 1 if error.context_mark else line
    is_bracketed = re.search("flow|quoted", error.context or "") is not None
    opened = f" for what begins on line {begun}" if is_bracketed and begun != line else ""
    return f"not valid YAML: {error.problem}{opened}{hint}"
