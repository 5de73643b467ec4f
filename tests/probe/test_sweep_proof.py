"""What a handshake agreed on is proof against what a sweep was told."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from scanner.model import Tls
from scanner.probe.sweep import Swept
from tests.verdict.observations import healthy


@pytest.mark.parametrize(
    ("told", "group", "known"),
    [
        (False, "X25519MLKEM768", True),
        (False, "x25519", False),
        (False, None, False),
        (True, "x25519", True),
        (None, "x25519", None),
        (None, "X25519MLKEM768", None),  # nobody asked
    ],
)
def test_a_handshake_with_the_hybrid_group_proves_it(
    told: bool | None, group: str | None, known: bool | None
) -> None:
    swept = Swept(MappingProxyType({"TLSv1.3": True}), (), told, None, 2, is_whole=True)
    seen = replace(healthy(993), tls=Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", group))

    assert swept.add_to(seen).post_quantum is known
