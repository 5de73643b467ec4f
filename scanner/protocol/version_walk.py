"""The walk down the TLS versions by raw ClientHellos: n accepted cost n + 1 connections, SSLv2 one more."""

from collections.abc import Generator

from scanner.protocol.client_hello import RANDOM_SIZE, VERSIONS, Draw, Hello, Suites, make_hello
from scanner.protocol.server_hello import Alert, Answer, NoHello, ServerHello, Silence, Ssl2Hello
from scanner.protocol.version_notes import Note, Sign

MOST_HELLOS = 12
"""What one walk may cost (connections)."""
MOST_TRIES = 3
"""One question and its repeats."""

_ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    40: "handshake_failure",
    47: "illegal_parameter",
    50: "decode_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    109: "missing_extension",
    112: "unrecognized_name",
    116: "certificate_required",
    120: "no_application_protocol",
}
_HANDSHAKE_FAILURE, _PROTOCOL_VERSION, _INTERNAL_ERROR, _UNRECOGNIZED_NAME = 40, 70, 80, 112
_ONLY_SAID_BY_13 = (109, 116)
_ANOTHER_HELLO = {
    _HANDSHAKE_FAILURE: Suites.OTHER,
    71: Suites.STRONG,
    10: Suites.FEW,
    47: Suites.FEW,
    50: Suites.FEW,
}


class VersionWalk:
    """Asks from TLS 1.3 down what a server accepts: `next` gives a hello, `take` wants its answer.

    A server picks the highest version it shares with us, so each answer settles all versions from the one
    offered to the one chosen, and the next hello offers one less; alert 70 settles all the rest. SSLv3, whose
    hello has no extensions, is asked for where TLS 1.0 is accepted or nothing has settled it. A server that
    accepted a version and then just hangs up on a lower one is asked for no TLS version more: it would again.

    SSLv2 has a hello of its own, which comes last. It is left out and called off where TLS 1.3 is accepted
    and alert 70 refuses what lies below: RFC 8446 appendix D.5 forbids one implementation to have both, and
    the libraries lost SSLv2 before they learnt TLS 1.3. It is left out and stays unknown where TLS 1.3 is
    accepted, a version below had no usable answer and TLS 1.0 is not accepted.

    Args:
        host: the name for SNI; none is sent for an address.
        draw: where the random bytes come from.
    """

    def __init__(self, host: str, draw: Draw) -> None:
        self.versions: dict[str, bool | None] = dict.fromkeys(VERSIONS)
        """What is accepted; None where that could not be told."""
        self.evidence: dict[str, str] = {}
        """What each version was judged by; text that is safe to show."""
        self.notes: list[Note] = []
        self.connections = 0
        """How many hellos were given out."""
        self.retry: ServerHello | None = None
        """The answer of TLS 1.3, which names a group: half the work of a `GroupWalk`."""
        self._host = host
        self._draw = draw
        self._has_spoken_tls = False
        self._refused_others = False
        self._has_refused = False
        self._repeated: set[int | str] = set()
        self._is_over = False
        self._questions = self._descend()
        self._pending: Hello | None = next(self._questions)

    def next(self) -> Hello | None:
        """Return the hello to send, on a new connection; None where the walk is over."""
        if self._is_over:
            return None
        if self.connections == MOST_HELLOS:
            self.stop(f"after {MOST_HELLOS} hellos")
            return None
        self.connections += 1
        return self._pending

    def take(self, answer: Answer) -> None:
        """Take the answer to the last hello."""
        if self._is_over:
            return
        try:
            self._pending = self._questions.send(answer)
        except StopIteration:
            self._is_over = True

    def stop(self, reason: str) -> None:
        """End the walk, as for a 421 or a connection that cannot be made; the rest stays unknown."""
        if not self._is_over:
            version = self._pending.version if self._pending is not None else None
            self.notes.append(Note(Sign.STOPPED, version, reason))
            self._is_over = True
            self._questions.close()

    @property
    def _accepts_any(self) -> bool:
        return True in self.versions.values()

    def _descend(self) -> Generator[Hello, Answer, None]:
        version = VERSIONS[-1]
        answer = yield from self._ask(version)
        while not _is_text(answer) and (lower := self._settle(version, answer)):
            version, answer = lower, (yield from self._ask(lower))
        if _is_text(answer):
            self.evidence[version] = _told(answer)
            self.notes.append(Note(Sign.PLAINTEXT, version, _told(answer)))
        elif self.versions["TLSv1.3"] and self._has_refused:
            told = "not asked: who speaks TLS 1.3 has no SSLv2, and alert 70 refuses the older versions"
            self._put("SSLv2", told, is_on=False)
        elif self.versions["TLSv1.3"] and not self.versions["TLSv1.0"] and isinstance(answer, NoHello):
            self.evidence["SSLv2"] = f"not asked: no usable answer to {version} ({_told(answer)})"
        elif self._has_spoken_tls:
            self._settle_ssl2((yield self._hello("SSLv2")))

    def _ask(self, version: str) -> Generator[Hello, Answer, Answer]:
        """Ask for a version, in other words where the answer calls for them; return the last answer."""
        suites: Suites | None = Suites.USUAL
        tries = 0
        while True:
            answer = yield self._hello(version, suites or Suites.USUAL)
            tries += 1
            self._has_spoken_tls |= isinstance(answer, ServerHello | Alert)
            if _is_out_of_turn(version, answer):
                answer = NoHello(Silence.MALFORMED, f"a version that was not offered: {_told(answer)}")
            suites = self._repeat(version, answer, suites or Suites.USUAL)
            if suites is None or tries == MOST_TRIES:
                return answer

    def _hello(self, version: str, suites: Suites = Suites.USUAL) -> Hello:
        return Hello(version, make_hello(version, self._host, random=self._draw(RANDOM_SIZE), suites=suites))

    def _repeat(self, version: str, answer: Answer, suites: Suites) -> Suites | None:
        """Return the suites to ask once more with; None where the answer is to stand.

        What was once found to be of no use, on a higher version, is not tried again on a lower one.
        """
        if isinstance(answer, ServerHello) or _proves_13(version, answer):
            return None
        if isinstance(answer, Alert):
            if answer.code == _UNRECOGNIZED_NAME:
                is_named, self._host = bool(self._host), ""
                return suites if is_named else None
            # SSLv3 has no alert 70: there 40 is the word for it (RFC 6101 section 5.4.2).
            if answer.code == _PROTOCOL_VERSION or (version == "SSLv3" and answer.code == _HANDSHAKE_FAILURE):
                return None
            if answer.code in _ANOTHER_HELLO:
                return self._choose_others(answer.code, suites)
        elif _is_text(answer):
            return None
        kind = answer.code if isinstance(answer, Alert) else _told(answer).partition(":")[0]
        is_first = kind not in self._repeated
        self._repeated.add(kind)
        return suites if is_first else None

    def _choose_others(self, code: int, suites: Suites) -> Suites | None:
        others = _ANOTHER_HELLO[code]
        if suites is others:
            self._refused_others |= code == _HANDSHAKE_FAILURE
            return None
        return None if others is Suites.OTHER and self._refused_others else others

    def _settle(self, version: str, answer: Answer) -> str | None:
        """Write down what the answer settles; return the version to ask for next, if any."""
        told = _told(answer)
        if isinstance(answer, ServerHello):
            self._accept(version, answer)
            return _below(answer.version)
        if _proves_13(version, answer):
            self._put(version, f"{told}, which only TLS 1.3 says", is_on=True)
            return _below(version)
        if not isinstance(answer, Alert):
            self.evidence[version] = told
            is_all = self._accepts_any or version == "TLSv1.0"
            return None if is_all else _below(version)
        if answer.code == _PROTOCOL_VERSION or self._is_refusal(version, answer):
            return self._refuse(version, answer)
        if answer.code == _INTERNAL_ERROR:
            self.notes.append(Note(Sign.UNUSABLE, version, told))
            self._put(version, told, is_on=False)
        else:
            self.evidence[version] = told
        return _below(version)

    def _is_refusal(self, version: str, alert: Alert) -> bool:
        return alert.code == _HANDSHAKE_FAILURE and (self._refused_others or version == "SSLv3")

    def _refuse(self, version: str, alert: Alert) -> str | None:
        # TLS 1.2 has suites of its own: to have none of them in common says nothing of the versions below.
        is_for_all = alert.code == _PROTOCOL_VERSION or version not in ("TLSv1.3", "TLSv1.2")
        # A server that took nothing yet may just not know how to choose a lower version.
        is_for_all = is_for_all and self._accepts_any
        self._has_refused |= is_for_all and alert.code == _PROTOCOL_VERSION
        for name in _from(version) if is_for_all else [version]:
            self._put(name, _told(alert), is_on=False)
        return None if is_for_all else _below(version)

    def _accept(self, version: str, hello: ServerHello) -> None:
        told = _told(hello)
        is_lowered = version == "TLSv1.3" and hello.version != version
        is_tampered = is_lowered and hello.sentinel is not None
        if is_tampered:
            detail = f"TLS 1.3 was offered, and the server, which has it, was offered {hello.sentinel}"
            self.notes.append(Note(Sign.TAMPERED, version, f"{detail} or less: {told}"))
        for name in VERSIONS[VERSIONS.index(hello.version) + 1 : VERSIONS.index(version) + 1]:
            # What the server would have said to our own words is not known then.
            self._put(name, told, is_on=None if is_tampered else False)
        self._put(hello.version, told, is_on=True)
        if hello.version == "TLSv1.3":
            self.retry = hello

    def _settle_ssl2(self, answer: Answer) -> None:
        told = _told(answer)
        self.evidence["SSLv2"] = told
        if isinstance(answer, Ssl2Hello):
            self.versions["SSLv2"] = answer.suites > 0
            if not answer.suites:
                self.notes.append(Note(Sign.UNUSABLE, "SSLv2", told))
        elif isinstance(answer, Alert | ServerHello):
            self.versions["SSLv2"] = False  # who answers in the words of TLS did not understand

    def _put(self, version: str, told: str, *, is_on: bool | None) -> None:
        self.versions[version] = is_on
        self.evidence[version] = told


def _below(version: str) -> str | None:
    """Return the next lower version that speaks in TLS records."""
    place = VERSIONS.index(version) - 1
    return VERSIONS[place] if place > 0 else None


def _from(version: str) -> list[str]:
    """Return a version and all below it but SSLv2, which has a hello of its own."""
    return list(VERSIONS[VERSIONS.index(version) : 0 : -1])


def _is_out_of_turn(version: str, answer: Answer) -> bool:
    if isinstance(answer, ServerHello):
        return VERSIONS.index(answer.version) > VERSIONS.index(version)
    return isinstance(answer, Ssl2Hello)


def _is_text(answer: Answer) -> bool:
    return isinstance(answer, NoHello) and answer.how is Silence.NOT_TLS


def _proves_13(version: str, answer: Answer) -> bool:
    return version == "TLSv1.3" and isinstance(answer, Alert) and answer.code in _ONLY_SAID_BY_13


def _told(answer: Answer) -> str:
    """Return an answer as evidence."""
    if isinstance(answer, ServerHello):
        name = "HelloRetryRequest" if answer.is_retry else "ServerHello"
        sentinel = ", with the downgrade sentinel" if answer.sentinel else ""
        return f"{name} of {answer.version}{sentinel}"
    if isinstance(answer, Alert):
        return f"alert {answer.code} ({_ALERTS.get(answer.code, 'another')})"
    if isinstance(answer, Ssl2Hello):
        return f"SSLv2 hello with {answer.suites} suites"
    how = answer.how.name.lower().replace("_", " ")
    return f"{how}: {answer.detail}" if answer.detail else how
