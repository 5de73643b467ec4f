"""Searches whatever a program leaves behind for passwords, in every form in which they may have got there."""

import base64
import html
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

import psycopg
from psycopg import sql

LEAST = 8
"""Octets of base64 that no other text shares by chance."""


def forms_of(secret: str, users: Iterable[str]) -> dict[str, bytes]:
    """Return the forms of a secret by their names, all in small letters."""
    raw = secret.encode()
    texts = {
        "as it is": secret,
        "in a URL": quote(secret, safe=""),
        "in a path": quote(secret),
        "in a form": quote_plus(secret),
        "in HTML": html.escape(secret),
        "in JSON": json.dumps(secret)[1:-1],
        "in JSON as it is": json.dumps(secret, ensure_ascii=False)[1:-1],
        "in Python": repr(secret)[1:-1],
        "in IMAP": secret.replace("\\", "\\\\").replace('"', '\\"'),
        "in hexadecimal": raw.hex(),
        "reversed": secret[::-1],
    }
    codes = {"base64": raw}
    for user in users:
        codes[f"PLAIN of {user}"] = f"\0{user}\0{secret}".encode()
        codes[f"PLAIN of {user} for itself"] = f"{user}\0{user}\0{secret}".encode()
        codes[f"XOAUTH2 of {user}"] = f"user={user}\1auth=Bearer {secret}\1\1".encode()
    for name, octets in codes.items():
        word = base64.b64encode(octets).decode()
        texts[name] = word.rstrip("=")
        texts[f"{name} in a URL"] = quote(word, safe="")
    for before in range(3):  # within other text
        word = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        core = word[4 if before else 0 : -2]
        if len(core) >= LEAST:
            texts[f"base64 from place {before} on"] = core
    return {name: text.encode().lower() for name, text in texts.items()}


def search(heaps: Mapping[str, bytes], secrets: Iterable[str], users: Iterable[str]) -> list[str]:
    """Return where a secret stands, and in what form; letters count the same in capitals."""
    wanted = [(secret, forms_of(secret, tuple(users))) for secret in secrets]
    found = []
    for place, heap in heaps.items():
        small = heap.lower()
        for secret, forms in wanted:
            found += [f"{place}: {secret!r} {name}" for name, form in forms.items() if form in small]
    return found


def rows_of_sqlite(path: Path) -> bytes:
    """Return every value of every table, and what is packed in it."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return b"\n".join(
            piece
            for table in tables
            for row in database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - the database's own names
            for value in row
            for piece in _pieces(value)
        )


def rows_of_postgresql(url: str) -> bytes:
    """Return every value of every table of ours, and what is packed in it."""
    with psycopg.connect(url) as database:
        tables = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return b"\n".join(
            piece
            for (table,) in tables
            for row in database.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
            for value in row
            for piece in _pieces(value)
        )


def _pieces(value: object) -> Iterator[bytes]:
    if not isinstance(value, bytes | memoryview):
        yield str(value).encode("utf-8", "surrogateescape")
        return
    octets = bytes(value)
    yield octets
    with suppress(zlib.error):
        yield zlib.decompress(octets)


def files_below(*folders: Path) -> dict[str, bytes]:
    """Return the content of every file."""
    return {
        str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()
    }
