"""Right after the start, while the name servers have not answered yet, the page names every target."""

import socket
from pathlib import Path

from tests.service.serving import serving

NAMES = ("first.example", "second.example")


def test_targets_whose_servers_are_looked_up_are_on_the_page(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        document = {
            "targets": list(NAMES),
            "resolver": {"servers": [f"127.0.0.1:{silent.getsockname()[1]}"], "timeout": 60},
            "controls": False,
            "store": False,
        }
        with serving(tmp_path, document) as service:
            status, page = service.ask("/?state=waiting")
            for name in NAMES:
                assert f'id="row-{name}"' in page
                assert service.ask(f"/domains/{name}")[0] == 200
            assert status == 200
            assert "its servers are looked up" in page
            assert service.ask("/-/ready")[0] == 503
