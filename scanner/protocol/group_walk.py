"""Asks by raw ClientHellos which group a server takes for TLS 1.3, and whether a post-quantum one."""

from scanner.protocol.client_hello import (
    GROUP_NAMES,
    GROUPS,
    RANDOM_SIZE,
    X25519MLKEM768,
    Draw,
    Hello,
    make_group_hello,
)
from scanner.protocol.server_hello import Alert, Answer, ServerHello

MOST_GROUP_HELLOS = 2

_PROTOCOL_VERSION = 70
_NOTHING_IN_COMMON = (40, 71)


class GroupWalk:
    """Asks which group a server takes for TLS 1.3, and whether it takes X25519MLKEM768: two hellos at most.

    All groups are offered in the order of `GROUPS`, the hybrid first, as today's clients do. Where another is
    chosen, the hybrid is offered alone. `retry` of a `VersionWalk` is the answer to the first of the two.
    """

    def __init__(self, host: str, draw: Draw, retry: ServerHello | None = None) -> None:
        self.preferred_group: str | None = None
        """By OpenSSL's name."""
        self.post_quantum: bool | None = None
        self.connections = 0
        self._host = host
        self._draw = draw
        self._is_over = False
        self._groups = GROUPS
        if retry is not None and retry.group in GROUPS:  # a walk in need may have offered others
            self._learn(retry)

    def next(self) -> Hello | None:
        """Return the hello to send, on a new connection; None where the walk is over."""
        if self._is_over or self.connections == MOST_GROUP_HELLOS:
            return None
        self.connections += 1
        return Hello("TLSv1.3", make_group_hello(self._host, self._groups, random=self._draw(RANDOM_SIZE)))

    def take(self, answer: Answer) -> None:
        """Take the answer to the last hello; one that proves nothing leaves the question open."""
        if isinstance(answer, ServerHello):
            self._learn(answer)
        elif isinstance(answer, Alert):
            # Without TLS 1.3 there is no hybrid; and who took this hello with other groups lacks this one.
            is_refusal = answer.code in _NOTHING_IN_COMMON and self._groups != GROUPS
            if answer.code == _PROTOCOL_VERSION or is_refusal:
                self.post_quantum = False
            self._is_over = True

    def stop(self) -> None:
        """End the walk; what is not known stays None."""
        self._is_over = True

    def _learn(self, hello: ServerHello) -> None:
        if hello.version != "TLSv1.3" or (hello.group is not None and hello.group not in self._groups):
            self._is_over = True
            return
        if self.preferred_group is None and self._groups == GROUPS and hello.group is not None:
            self.preferred_group = GROUP_NAMES[hello.group]
        if hello.group == X25519MLKEM768:
            self.post_quantum = True
        self._is_over = self.post_quantum is not None or self._groups != GROUPS
        self._groups = (X25519MLKEM768,)
