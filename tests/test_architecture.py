"""The house rules that a test can hold: what the lower rooms may import, sizes, names and docstrings."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "scanner"
MODULES = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py"))}
LOWER_ROOMS = ("model", "protocol", "verdict", "config", "explain")
FORBIDDEN_BELOW = frozenset(
    {
        *("asyncio", "uvloop", "concurrent", "multiprocessing", "subprocess", "threading", "signal"),
        *("socket", "select", "selectors", "ssl", "dns"),
        *("aiohttp", "http", "urllib", "imaplib", "poplib", "smtplib"),
    }
)
ROOMS_WITH_SOCKETS = frozenset({"network", "web", "service", "demo"})
MAX_LINES = 300

every_module = pytest.mark.parametrize("name", MODULES)


def parse(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"), name)


def room_of(name: str) -> str:
    return Path(name).parts[0].removesuffix(".py")


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of everything imported, also inside functions and by name at run time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield ast.unparse(node)


def test_the_package_is_found() -> None:
    assert {room_of(name) for name in MODULES} >= {*LOWER_ROOMS, *ROOMS_WITH_SOCKETS}


@pytest.mark.parametrize("name", [name for name in MODULES if room_of(name) in LOWER_ROOMS])
def test_the_lower_rooms_do_no_input_or_output(name: str) -> None:
    tree = parse(name)

    assert not [found for found in imports_of(tree) if found.split(".")[0] in FORBIDDEN_BELOW]
    assert not [found for found in imports_of(tree) if "(" in found]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef | ast.Await)]


@pytest.mark.parametrize("name", [name for name in MODULES if room_of(name) in LOWER_ROOMS])
def test_tls_in_the_lower_rooms_is_on_memory_buffers(name: str) -> None:
    """A pyOpenSSL connection without a socket is told so by its second argument."""
    for node in ast.walk(parse(name)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("SSL.Connection"):
            assert [ast.unparse(argument) for argument in node.args][1:] == ["None"]


@every_module
def test_only_these_rooms_know_sockets(name: str) -> None:
    if room_of(name) not in ROOMS_WITH_SOCKETS:
        assert "socket" not in {found.split(".")[0] for found in imports_of(parse(name))}


@every_module
def test_imports_are_absolute(name: str) -> None:
    assert not [node for node in ast.walk(parse(name)) if isinstance(node, ast.ImportFrom) and node.level]


@every_module
def test_no_file_is_longer_than_300_lines(name: str) -> None:
    assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@every_module
def test_no_module_is_a_drawer_for_odds_and_ends(name: str) -> None:
    parts = {part.removesuffix(".py").strip("_") for part in Path(name).parts}

    assert not parts & {"util", "utils", "helper", "helpers", "common", "misc", "shared"}


@every_module
def test_each_module_opens_with_a_sentence(name: str) -> None:
    opening = (ast.get_docstring(parse(name)) or "").partition("\n")[0]

    assert opening.endswith(".")
    assert len(opening.split()) >= 4


@pytest.mark.parametrize("name", [name for name in MODULES if name.endswith("/__init__.py")])
def test_init_files_only_hand_names_on(name: str) -> None:
    docstring, *statements = parse(name).body
    exported: list[str] = []
    imported: list[str] = []
    for statement in statements:
        if isinstance(statement, ast.ImportFrom):
            imported += [alias.asname or alias.name for alias in statement.names]
        else:
            assert isinstance(statement, ast.Assign)
            assert [ast.unparse(target) for target in statement.targets] == ["__all__"]
            exported = ast.literal_eval(statement.value)

    assert isinstance(docstring, ast.Expr)
    assert sorted(exported) == sorted(imported)
