"""MTA-STS (RFC 8461): finds the policy of a domain, and keeps it for as long as it says."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from scanner.discovery.mta_sts_text import explain_record, read_policy, read_record
from scanner.discovery.offer import Notice
from scanner.model import Kind, Severity, StsMode, StsPolicy
from scanner.model.target import quote
from scanner.network.answer import Answer, Status
from scanner.network.web import WebClient
from scanner.network.web_answer import Fault, WebFailure

CHECK_SECONDS = 86_400.0
"""A policy whose id stays the same is fetched again after this time, before it ends."""
RETRY_SECONDS = 300.0
"""A fetch that failed is tried again after this time at the earliest (RFC 8461 section 3.3)."""
MAX_KEPT = 100_000


class StsStatus(StrEnum):
    """What a look-up of a domain's policy came to."""

    NONE = "none"
    """The domain announces no policy."""
    VALID = "valid"
    FAILED = "failed"
    """One is announced, or could be, and cannot be had."""


@dataclass(frozen=True, slots=True)
class StsLookup:
    """The policy that counts for a domain now."""

    status: StsStatus
    id: str | None = None
    """The id that the domain's record gave with the policy, or gives."""
    policy: StsPolicy | None = None
    detail: str | None = None
    """In words: why there is no policy, or why an older one stands."""
    is_cached: bool = False
    """Whether an older policy stands, since the domain's word cannot be had now (RFC 8461 section 5.1)."""
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    """A policy as it was fetched."""

    policy: StsPolicy
    id: str
    fetched_at: float
    """Seconds since 1970."""
    stronger: StsMode | None = None
    """The mode of an earlier policy that promised more, and whose time is not over."""
    stronger_until: float = 0.0
    """Until when the earlier one was promised (seconds since 1970)."""

    @property
    def ends_at(self) -> float:
        """Until when it counts."""
        return self.fetched_at + self.policy.max_age

    def succeed(self, former: "KeptPolicy | None", now: float) -> "KeptPolicy":
        """Return this policy with what an earlier one promised that it does not keep."""
        if former is None:
            return self
        promises = [(former.policy.mode, former.ends_at)]
        if former.stronger is not None:
            promises.append((former.stronger, former.stronger_until))
        broken = [
            (_STRENGTH[mode], until, mode)
            for mode, until in promises
            if until > now and _STRENGTH[mode] > _STRENGTH[self.policy.mode]
        ]
        if not broken:
            return self
        _, until, mode = max(broken)
        return replace(self, stronger=mode, stronger_until=until)


_STRENGTH = {StsMode.NONE: 0, StsMode.TESTING: 1, StsMode.ENFORCE: 2}


class PolicyCache(Protocol):
    """Where policies are kept by domain: in memory, or in a store that outlives the process."""

    async def get(self, domain: str) -> KeptPolicy | None:
        """Return the policy kept for a domain, ended or not."""
        ...

    async def put(self, domain: str, kept: KeptPolicy) -> None:
        """Keep a policy in the place of any other of the domain."""
        ...


class TextSource(Protocol):
    """What is needed of a resolver."""

    async def txt(self, name: str) -> Answer[bytes]:
        """Return the TXT records of a name, the strings of each joined."""
        ...


class MemoryCache:
    """Keeps policies until the process ends; the one not renewed for the longest goes first."""

    def __init__(self, max_kept: int = MAX_KEPT, known: Mapping[str, KeptPolicy] | None = None) -> None:
        self._max_kept = max_kept
        self._kept: OrderedDict[str, KeptPolicy] = OrderedDict(known or {})

    async def get(self, domain: str) -> KeptPolicy | None:
        """Return the policy kept for a domain, ended or not."""
        return self._kept.get(domain)

    async def put(self, domain: str, kept: KeptPolicy) -> None:
        """Keep a policy in the place of any other of the domain."""
        self._kept.pop(domain, None)
        self._kept[domain] = kept
        if len(self._kept) > self._max_kept:
            self._kept.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Lack:
    """Why there is no policy; whether it was we who did not want to look, or could not."""

    why: str
    is_refused: bool = False
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class _Failed:
    """A fetch that failed: of which id, what it lacked, and until when it is not tried again."""

    id: str
    lack: _Lack
    until: float


class MtaSts:
    """Looks policies up.

    Args:
        cache: where policies are kept; in memory by default.
        clock: seconds since 1970, since a policy may outlive the process.
    """

    def __init__(
        self,
        resolver: TextSource,
        web: WebClient,
        *,
        cache: PolicyCache | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._resolver = resolver
        self._web = web
        self._cache = MemoryCache() if cache is None else cache
        self._clock = clock
        self._failed: OrderedDict[str, _Failed] = OrderedDict()

    async def look_up(self, domain: str) -> StsLookup:
        """Return the policy that counts for a domain now; a failure of its servers is told, not raised.

        A policy that was fetched once stands to its end, whatever the DNS and the web say later, until a new
        one is fetched (RFC 8461 section 5.1).
        """
        answer = await self._resolver.txt(f"_mta-sts.{domain}")
        kept = await self._cache.get(domain)
        if kept is not None and kept.ends_at <= self._clock():
            kept = None
        records = answer.records if answer.status is Status.FOUND else ()
        identity = read_record(records)
        if identity is None:
            return _tell_no_record(domain, answer, kept)
        if kept is not None and kept.id == identity and self._clock() - kept.fetched_at < CHECK_SECONDS:
            return StsLookup(StsStatus.VALID, identity, kept.policy, notice=self._lowered(domain, kept))
        return await self._renew(domain, identity, kept)

    async def _renew(self, domain: str, identity: str, kept: KeptPolicy | None) -> StsLookup:
        """Fetch the policy, unless that failed a moment ago."""
        failed = self._failed.get(domain)
        if failed is not None and failed.id == identity and self._clock() < failed.until:
            return _tell_no_policy(domain, failed, kept)
        found = await self._fetch(domain)
        if isinstance(found, _Lack):
            failed = _Failed(identity, found, self._clock() + RETRY_SECONDS)
            if not found.is_ours:
                self._note_failure(domain, failed)
            return _tell_no_policy(domain, failed, kept)
        self._failed.pop(domain, None)
        policy, notice = found
        new = KeptPolicy(policy, identity, self._clock()).succeed(kept, self._clock())
        await self._cache.put(domain, new)
        return StsLookup(StsStatus.VALID, identity, policy, notice=self._lowered(domain, new) or notice)

    def _lowered(self, domain: str, kept: KeptPolicy) -> Notice | None:
        """D28: say that the policy promises less than one whose time is not over."""
        if kept.stronger is None or kept.stronger_until <= self._clock():
            return None
        return _weakened(
            domain,
            kept.stronger,
            f"its mode is now {kept.policy.mode.value}, and the earlier policy was to hold until "
            f"{datetime.fromtimestamp(kept.stronger_until, UTC):%Y-%m-%d}",
        )

    async def _fetch(self, domain: str) -> "tuple[StsPolicy, Notice | None] | _Lack":
        """Get the policy by https with a verified certificate and no redirect (RFC 8461 section 3.3)."""
        url = f"https://mta-sts.{domain}/.well-known/mta-sts.txt"
        page = await self._web.fetch(url, redirects=0, is_fresh=True)
        if isinstance(page, WebFailure):
            is_refused = page.fault is Fault.REFUSED_ADDRESS
            return _Lack(str(page), is_refused=is_refused, is_ours=page.is_ours)
        policy = read_policy(page.body)
        if isinstance(policy, str):
            return _Lack(f"{page.url}: {policy}")
        return policy, None if page.content_type == "text/plain" else _content_type(domain, page.content_type)

    def _note_failure(self, domain: str, failed: _Failed) -> None:
        self._failed.pop(domain, None)
        self._failed[domain] = failed
        if len(self._failed) > MAX_KEPT:
            self._failed.popitem(last=False)


def _tell_no_record(domain: str, answer: Answer[bytes], kept: KeptPolicy | None) -> StsLookup:
    """Say what counts where the DNS gives no id."""
    fault = explain_record(answer.records)
    is_known = answer.status in {Status.FOUND, Status.NO_DATA, Status.NO_NAME}
    if not is_known:
        fault = answer.detail or f"the look-up of {answer.name} ended in {answer.status.value}"
    if kept is None:
        status = StsStatus.NONE if is_known else StsStatus.FAILED
        notice = _broken(domain, fault) if is_known and fault is not None else None
        return StsLookup(status, detail=fault, notice=notice)
    why = fault or f"there is no TXT record at {answer.name} any more"
    is_weakened = is_known and kept.policy.mode is not StsMode.NONE
    notice = _weakened(domain, kept.policy.mode, why) if is_weakened else None
    return StsLookup(StsStatus.VALID, kept.id, kept.policy, why, is_cached=True, notice=notice)


def _tell_no_policy(domain: str, failed: _Failed, kept: KeptPolicy | None) -> StsLookup:
    """Say what counts where the policy of an id cannot be had."""
    why = failed.lack.why
    notice = _unchecked(domain, why) if failed.lack.is_refused else _broken(domain, why)
    if failed.lack.is_ours:  # nobody but us has seen it fail
        policy = None if kept is None else kept.policy
        status, identity = (StsStatus.FAILED, failed.id) if kept is None else (StsStatus.VALID, kept.id)
        return StsLookup(status, identity, policy, why, is_cached=kept is not None)
    if kept is None:
        return StsLookup(StsStatus.FAILED, failed.id, detail=why, notice=notice)
    if not failed.lack.is_refused and kept.policy.mode is not StsMode.NONE:
        # New senders find no policy where the old ones still keep one (D28).
        notice = replace(notice, kind=Kind.DOWNGRADE, severity=Severity.WARNING)
    return StsLookup(StsStatus.VALID, kept.id, kept.policy, why, is_cached=True, notice=notice)


def _unchecked(domain: str, why: str) -> Notice:
    return Notice(
        "mta_sts_unchecked",
        f"The MTA-STS policy that {domain} announces was not looked at: {why}.",
        "Say --allow-private (probe.allow_private) where private addresses may be asked; what is on the "
        "exclude list is not.",
    )


def _broken(domain: str, why: str) -> Notice:
    return Notice(
        "mta_sts_broken",
        f"{domain} announces an MTA-STS policy that senders cannot use: {why}.",
        f"Serve a valid policy at https://mta-sts.{domain}/.well-known/mta-sts.txt, with a public CA's "
        "certificate and no redirect, and have one TXT record for it (RFC 8461 section 3).",
    )


def _weakened(domain: str, mode: StsMode, why: str) -> Notice:
    return Notice(
        "mta_sts_weakened",
        f"{domain} took back its MTA-STS policy (mode {mode.value}) before its time: {why}.",
        "If that was not meant, publish the policy and its record again, and find out who changed them. To "
        "end a policy, serve one with mode none until the old one is over (RFC 8461 section 8.3).",
        Kind.DOWNGRADE,
        Severity.WARNING,
    )


def _content_type(domain: str, found: str) -> Notice:
    return Notice(
        "mta_sts_content_type",
        f"The MTA-STS policy of {domain} comes with the type {quote(found)}.",
        "Serve it as text/plain: senders may refuse anything else (RFC 8461 section 3.2).",
    )
