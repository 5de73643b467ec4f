"""The pass of the health check opens two routes for whoever has the hashes, and nothing else."""

import aiohttp
import pytest

from scanner.config.health_pass import PATHS, is_pass, write_pass
from tests.web.test_web_config_served import HASH, Open, open_place

__all__ = ["open_place"]

USERS = {"prometheus": HASH, "a": HASH}


async def test_it_opens_the_routes_of_health_alone(open_place: Open) -> None:
    async with open_place(tls=None, basic_auth_users=USERS) as place:
        url = f"http://127.0.0.1:{place.port}"
        async with aiohttp.ClientSession(headers={"Authorization": write_pass(USERS)}) as session:
            for path in PATHS:
                async with session.get(url + path) as answer:
                    assert answer.status == 200
            for path in ("/", "/metrics", "/config", "/-/healthy/", "/-/HEALTHY", "//-/healthy"):
                async with session.get(url + path) as answer:
                    assert answer.status == 401, path
            async with session.post(f"{url}/-/reload") as answer:
                assert answer.status == 401


@pytest.mark.parametrize(
    "users", [{}, {"a": HASH}, USERS | {"b": HASH}, {"prometheus": HASH, "a": HASH[:-1] + "x"}]
)
async def test_other_hashes_make_another_pass(open_place: Open, users: dict[str, str]) -> None:
    async with open_place(tls=None, basic_auth_users=USERS) as place, aiohttp.ClientSession() as session:
        headers = {"Authorization": write_pass(users)}
        async with session.get(f"http://127.0.0.1:{place.port}/-/healthy", headers=headers) as answer:
            assert answer.status == 401


def test_there_is_no_pass_without_users() -> None:
    assert not is_pass([write_pass({})], None)
    assert not is_pass([], write_pass(USERS))
    assert not is_pass([write_pass(USERS)] * 2, write_pass(USERS))
    assert is_pass([write_pass(dict(reversed(USERS.items())))], write_pass(USERS))
