"""Room 1: judging without touching the network: what an observation means and which product answered."""

from scanner.verdict.fingerprints import identify, normalise_banner
from scanner.verdict.judge import Policy, judge
from scanner.verdict.level import is_blocked, is_downgraded, level_of, works
from scanner.verdict.proof import is_proven
from scanner.verdict.repeats import judge_repeats
from scanner.verdict.siblings import judge_siblings
from scanner.verdict.sighting import Sighting, sight

__all__ = [
    "Policy",
    "Sighting",
    "identify",
    "is_blocked",
    "is_downgraded",
    "is_proven",
    "judge",
    "judge_repeats",
    "judge_siblings",
    "level_of",
    "normalise_banner",
    "sight",
    "works",
]
