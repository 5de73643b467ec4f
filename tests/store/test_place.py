"""Where the store is: by the settings, by the environment."""

from pathlib import Path

import pytest

from scanner.config import StoreSettings, parse_settings
from scanner.store import Limits, Place, StoreError, default_path, find_place


def settings(text: str) -> StoreSettings:
    text = f"targets: [example.org]\nstore: {text}\n"
    return parse_settings(text, source="x.yml", base=Path("/etc/mailport"), environ={"PW": "s%40cret"}).store


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"STATE_DIRECTORY": "/var/lib/mailport", "HOME": "/home/me"}, "/var/lib/mailport/mailport.db"),
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a/mailport.db"),
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/me"}, "/state/mailport/mailport.db"),
        ({"XDG_STATE_HOME": "state", "HOME": "/home/me"}, "/home/me/.local/state/mailport/mailport.db"),
        ({"HOME": "/home/me"}, "/home/me/.local/state/mailport/mailport.db"),
    ],
)
def test_the_default_is_the_state_folder(environ: dict[str, str], path: str) -> None:
    assert default_path(environ) == Path(path)
    assert find_place(StoreSettings(), environ) == Place(path=Path(path))


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_where_nothing_says_where_that_is_told(environ: dict[str, str]) -> None:
    with pytest.raises(StoreError, match=r"set store\.url"):
        default_path(environ)


def test_the_settings_say_where() -> None:
    assert find_place(settings("false"), {}) is None
    assert find_place(settings("sqlite:///state/m.db"), {}) == Place(path=Path("/etc/mailport/state/m.db"))
    assert find_place(settings("sqlite:////srv/m.db"), {}) == Place(path=Path("/srv/m.db"))
    url = "postgresql://me:s%40cret@[2001:db8::1]:5433/mailport?sslmode=require"
    assert find_place(settings(f'"{url.replace("s%40cret", "${PW}")}"'), {}) == Place(url=url)
    assert str(Place(url=url)) == "PostgreSQL database mailport at 2001:db8::1:5433"
    socket = Place(url="postgresql:///mailport?host=/run/postgresql")
    assert str(socket) == "PostgreSQL database mailport at /run/postgresql"


def test_the_settings_say_how_much() -> None:
    chosen = settings("{samples: 7, sample_days: 0.5, events: 9, event_days: 2}")
    assert Limits.of(chosen) == Limits(7, 0.5, 9, 2)
    assert Limits.of(StoreSettings()) == Limits()
