"""Reads where a reply from the web leads: to a page, to the next hop, or to a failure."""

from scanner.model import Reason
from scanner.model.target import quote
from scanner.network.web_answer import Fault, Page, WebFailure
from scanner.network.web_exchange import Reply, show
from scanner.network.web_url import UrlError, WebUrl


def read_reply(url: WebUrl, reply: Reply, *, is_secure: bool) -> Page | WebFailure:
    """Return the page that a reply holds, or the failure that its status tells of."""
    if reply.status == 200:
        content_type = show(reply.content_type.partition(";")[0].lower())
        return Page(str(url), reply.body, content_type, is_secure)
    challenge = None if reply.challenge is None else show(reply.challenge)
    why = f"the server answered with status {reply.status}"
    return WebFailure(Fault.STATUS, str(url), why, Reason.PROTOCOL_ERROR, reply.status, challenge)


def read_redirect(url: WebUrl, reply: Reply, left: int) -> WebUrl | WebFailure:
    """Return where a redirect leads, or why it is not followed; `left` is how many more may be."""

    def refuse(why: str, location: str | None = None) -> WebFailure:
        return WebFailure(
            Fault.REDIRECT, str(url), why, Reason.PROTOCOL_ERROR, reply.status, location=location
        )

    if reply.location is None:
        return refuse("a redirect without a Location header")
    try:
        target = url.follow(reply.location)
    except UrlError as error:
        return refuse(f"a redirect to {quote(reply.location)}, which is not followed: {error}")
    if url.is_secure and not target.is_secure:
        return refuse(f"a redirect from https to {quote(str(target))}", str(target))
    if not left:
        return refuse(f"one redirect more than is followed, to {quote(str(target))}", str(target))
    return target
