"""A long list of texts of which a snapshot is cheap."""

BLOCK = 256
"""How many texts are copied when one of them changes after a snapshot: some microseconds."""


class Texts:
    """Texts by number, in blocks; a snapshot shares them, and a shared one is copied before it changes."""

    def __init__(self) -> None:
        self._blocks: list[list[str]] = []
        self._shared: list[bool] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> str:
        return self._blocks[number // BLOCK][number % BLOCK]

    def __setitem__(self, number: int, text: str) -> None:
        self._own(number // BLOCK)[number % BLOCK] = text

    def append(self, text: str) -> None:
        """Add a text behind the others."""
        if self._count % BLOCK == 0:
            self._blocks.append([])
            self._shared.append(False)
        self._own(-1).append(text)
        self._count += 1

    def snapshot(self) -> list[list[str]]:
        """Return the blocks as they are now; they do not change any more."""
        self._shared = [True] * len(self._blocks)
        return self._blocks.copy()

    def _own(self, block: int) -> list[str]:
        if self._shared[block]:
            self._blocks[block] = self._blocks[block].copy()
            self._shared[block] = False
        return self._blocks[block]
