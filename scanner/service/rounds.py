"""Finds out how a gate stands: one round of questions, and a second one before a fault is believed."""

import asyncio
from dataclasses import dataclass

from scanner.config.controls import ControlSettings
from scanner.model import Observation
from scanner.model.control import Control, Gate, GateStanding, Word
from scanner.service.asking import Asker
from scanner.service.clues import Clues
from scanner.verdict.egress import judge_gate
from scanner.verdict.interception import Round

FRESH_SECONDS = 60.0
"""How long an answer of the controls counts for results that look bad for the first time."""
PAUSE_SECONDS = 2.0
"""Between a round that fails and the one that has to fail as well."""


@dataclass(frozen=True, slots=True)
class Manner:
    """When the controls are asked again."""

    fresh: float | None = FRESH_SECONDS
    """Seconds; None = what they said once counts for ever."""
    pause: float = PAUSE_SECONDS


class Rounds:
    """Makes rounds by the settings that it was built with."""

    def __init__(
        self, settings: ControlSettings, asker: Asker, clues: Clues, manner: Manner | None = None
    ) -> None:
        self.settings = settings
        self.clues = clues
        self.manner = manner or Manner()
        self.lists = settings.lists if settings.enabled else {}
        self._asker = asker
        clues.expect(control for controls in self.lists.values() for control in controls)

    async def find_standing(self, gate: Gate, known: Word | None) -> GateStanding:
        """Ask once; a fault is believed when a second round right behind the first shows it too.

        That the way is open again is believed at once, and so is a fault that was `known` before. Targets are
        asked as witnesses between controls that are silent twice: what they answered before shows nothing of
        now, and where all is over by the second round nobody needs them.
        """
        try:
            is_known = known is Word.BLOCKED
            first = judge_gate(await self._ask(gate, is_first=True, with_witnesses=is_known))
            if not first.has_witness and (not first.is_bad or first.word is known):
                return first
            await asyncio.sleep(self.manner.pause)
            return judge_gate(await self._ask(gate, is_first=False, with_witnesses=True))
        except Exception as fault:  # noqa: BLE001 - our own fault means that nothing can be told
            return GateStanding(Word.UNTOLD, (f"{type(fault).__name__}: {fault}",))

    async def _ask(self, gate: Gate, *, is_first: bool, with_witnesses: bool) -> Round:
        """Make one round; in the first a target that is a control and has just answered is spared."""
        listed = self.lists.get(gate.port, ())

        def recall(control: Control) -> Observation | None:
            return self.clues.recall(control, gate, self.manner.fresh) if is_first else None

        asked = await self._asker.ask_controls(gate, listed, recall)
        self.clues.learn(gate, asked)
        is_silent = bool(asked) and not any(one.has_answered for one in asked)
        # One control that proves itself refutes whatever the dark address says: it is left in peace then.
        is_unproven = bool(asked) and not any(one.is_proven for one in asked)
        others = self.clues.witnesses(gate) if is_silent and with_witnesses else ()
        async with asyncio.TaskGroup() as group:
            sites = group.create_task(self._asker.ask_sites(gate)) if is_silent else None
            dark = group.create_task(self._asker.ask_dark(gate)) if is_unproven else None
            witnesses = group.create_task(self._asker.ask_witnesses(others))
        return Round(
            gate,
            listed=len(listed),
            asked=asked,
            sites=() if sites is None else sites.result(),
            has_other_answers=self.clues.has_other_answers(gate),
            dark=self.settings.dark,
            is_dark_answering=dark is not None and dark.result(),
            connect_elsewhere=self.clues.connect_elsewhere(gate, asked),
            witnesses=witnesses.result(),
            is_store_proven=self.clues.is_store_proven,
        )
