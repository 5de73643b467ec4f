"""A probe that is taken down finds what a silent one finds, and its dialogue is what was really said."""

import time

import uvloop

from scanner.demo import SCENARIOS, Farm
from scanner.protocol.transcript import Line, Transcript
from tests.probe.probing import endpoint_of, prober_for

NAMES = (
    "healthy", "mute", "refused", "greeting-554", "starttls-missing", "starttls-refused", "cert-expired",
    "plain-on-tls", "tls-mute", "banner-odd",
)  # fmt: skip


def test_a_recorded_probe_finds_the_same() -> None:
    async def main() -> list[str]:
        rows = [row for row in SCENARIOS if row.name in NAMES]
        assert len({row.name for row in rows}) >= 6
        told = []
        async with Farm(rows, base=None, greeting_delay=0.1) as farm:
            prober = prober_for(farm, timeout=1.0)
            for row in farm.scenarios:
                endpoint = endpoint_of(farm, row)
                silent = await prober.probe(endpoint)
                transcript = Transcript(time.perf_counter)
                aloud = await prober.probe_aloud(endpoint, transcript, 30.0)
                assert (aloud.state, aloud.reason, aloud.level) == (silent.state, silent.reason, silent.level)
                assert aloud.verdicts == silent.verdicts
                assert aloud.banner == silent.banner
                check(row.name, aloud.banner, transcript.lines)
                told.append(row.name)
        return told

    assert "healthy" in uvloop.run(main())


def check(name: str, banner: str | None, lines: tuple[Line, ...]) -> None:
    texts = [line.text for line in lines]
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    if name == "healthy":
        assert texts[0] == "connected"
        assert texts[-1] == "done"
        tls = next(index for index, text in enumerate(texts) if text.startswith("TLS stands: TLSv1."))
        assert texts[tls - 1] == "TLS handshake begins"
        assert any(line.speaker == "client" for line in lines[tls:])
    if banner is not None:
        assert banner.split("\n")[0][:40] in "\n".join(texts)


def test_the_time_that_is_left_caps_a_probe() -> None:
    async def main() -> None:
        rows = [row for row in SCENARIOS if row.name == "mute"]
        async with Farm(rows, base=None) as farm:
            prober = prober_for(farm, timeout=20.0)
            transcript = Transcript(time.perf_counter)
            begun = time.perf_counter()
            seen = await prober.probe_aloud(endpoint_of(farm, farm.scenarios[0]), transcript, 0.3)
            assert 0.25 < time.perf_counter() - begun < 2
            assert seen.reason is not None
            assert transcript.lines[-1].text.startswith(f"ended: {seen.reason.value}")

    uvloop.run(main())
