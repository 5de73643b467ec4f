"""One round of questions: who is asked depends on what the controls have answered."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from scanner.config import default_settings
from scanner.model import Observation, Reason
from scanner.model.control import Control, Gate, Realm, Word
from scanner.network import Resolver
from scanner.service.asking import ROUND_SECONDS, Asker, Errand
from scanner.service.clues import Clues
from scanner.service.rounds import Manner, Rounds
from scanner.verdict.interception import Asked
from tests.engine.clockwork import run
from tests.service.test_controls import PretendedProber
from tests.verdict.controls import GATE, asked, controls, failing, fine

IN_CLEAR = {"certificate": None, "tls": None, "starttls": None}


class PretendedAsker(Asker):
    """Answers what the test says, and writes down what it was asked."""

    def __init__(self, *answers: Asked, is_dark_answering: bool = False) -> None:
        self.answers = answers
        self.is_dark_answering = is_dark_answering
        self.asked: list[str] = []

    async def ask_controls(
        self, gate: Gate, controls: Sequence[Control], known: Callable[[Control], Observation | None]
    ) -> tuple[Asked, ...]:
        self.asked.append("controls")
        return self.answers

    async def ask_sites(self, gate: Gate) -> tuple[tuple[str, bool], ...]:
        self.asked.append("sites")
        return (("www.test:443", True),)

    async def ask_dark(self, gate: Gate) -> bool:
        self.asked.append("dark")
        return self.is_dark_answering


def rounds_of(asker: Asker) -> Rounds:
    return Rounds(default_settings(()).controls, asker, Clues(), Manner(pause=0.0))


ONE, TWO, THREE = controls()


@pytest.mark.parametrize(
    ("answers", "expected", "word"),
    [
        ((fine(ONE), failing(TWO), failing(THREE)), ["controls"], Word.FINE),
        ((asked(ONE, **IN_CLEAR), failing(TWO)), ["controls", "dark"], Word.FINE),
        ((failing(ONE), failing(TWO)), ["controls", "sites", "dark"] * 2, Word.BLOCKED),
        ((failing(ONE),), ["controls", "sites", "dark"], Word.UNTOLD),
        ((), ["controls"], Word.UNTOLD),
    ],
)
def test_the_network_is_asked_no_more_than_is_needed(
    answers: tuple[Asked, ...], expected: list[str], word: Word
) -> None:
    async def main() -> None:
        asker = PretendedAsker(*answers)
        standing = await rounds_of(asker).find_standing(GATE, None)
        assert (asker.asked, standing.word) == (expected, word)

    run(main())


def test_a_dark_address_that_answers_is_believed_the_second_time() -> None:
    async def main() -> None:
        asker = PretendedAsker(asked(ONE, **IN_CLEAR), is_dark_answering=True)
        standing = await rounds_of(asker).find_standing(GATE, None)
        assert standing.word is Word.INTERCEPTED
        assert standing.text == "192.0.2.1, where nothing is, accepts connections"
        assert asker.asked == ["controls", "dark"] * 2
        known = await rounds_of(asker).find_standing(GATE, Word.INTERCEPTED)
        assert known.word is Word.INTERCEPTED
        assert asker.asked == ["controls", "dark"] * 3

    run(main())


def test_who_gets_no_turn_in_time_has_told_nothing() -> None:
    async def main() -> None:
        pushed: list[Errand] = []
        settings = default_settings(())
        prober = PretendedProber()
        asker = Asker(settings.controls, prober, Resolver([("127.0.0.1", 9)]), pushed.append)
        known = tuple(replace(one, host=f"8.8.4.{number}") for number, one in enumerate(controls()))
        asking = asyncio.create_task(asker.ask_controls(GATE, known, lambda _: None))
        await asyncio.sleep(1.0)
        assert [errand.address for errand in pushed] == [one.host for one in known]
        await pushed[1].run()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        answers = await asking
        assert loop.time() - begun <= ROUND_SECONDS
        assert [one.control for one in answers] == [known[1]]
        await pushed[0].run()  # its turn comes after all: nobody waits for it any more
        assert prober.times(known[0].host) == []

    run(main())


@pytest.mark.parametrize(
    ("dark", "gate"),
    [
        (None, GATE),
        ("192.0.2.1", replace(GATE, family=6)),
        ("192.0.2.1", replace(GATE, realm=Realm.PRIVATE)),
        ("10.0.0.1", GATE),
    ],
)
async def test_a_dark_address_of_another_kind_is_not_asked(dark: str | None, gate: Gate) -> None:
    pushed: list[Errand] = []
    settings = default_settings(())
    own = settings.controls.model_copy(update={"dark": dark})
    asker = Asker(own, PretendedProber(), Resolver([("127.0.0.1", 9)]), pushed.append)
    assert await asker.ask_dark(gate) is False
    assert pushed == []


def test_what_probes_show_in_passing() -> None:
    now = [1000.0]
    clues = Clues(lambda: now[0])
    clues.expect(controls())
    answer = fine(ONE).seen
    submission = replace(GATE, port=587)
    assert not clues.has_other_answers(submission)
    clues.note(GATE, answer)
    assert clues.has_other_answers(submission)
    assert not clues.has_other_answers(GATE)
    assert not clues.has_other_answers(replace(submission, family=6))
    here = replace(GATE, port=answer.endpoint.port)
    assert clues.recall(ONE, here, 60.0) is answer
    assert clues.recall(TWO, here, 60.0) is None
    now[0] += 61.0
    assert clues.recall(ONE, here, 60.0) is None
    assert clues.recall(ONE, here, None) is answer
    assert not clues.has_other_answers(submission)
    clues.learn(GATE, [fine(ONE), failing(TWO, Reason.CONNECT_TIMEOUT)])
    assert clues.is_store_proven
    assert clues.connect_elsewhere(submission, [fine(ONE), fine(TWO)]) == {"8.8.8.1": 0.03}
    assert clues.connect_elsewhere(GATE, [fine(ONE)]) == {}
