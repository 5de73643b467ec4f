"""Reply codes by their structure: what the digits say where no explanation is more precise."""

from dataclasses import dataclass

_CLASSES = {
    "2": "it worked",
    "4": "a failure for now: a mail server tries again by itself",
    "5": "a lasting failure: trying again unchanged will not help",
}
_SUBJECTS = {
    "0": "nothing more is said of what it is about",
    "1": "it is about an address",
    "2": "it is about the mailbox",
    "3": "it is about the mail system, such as its room or its limits",
    "4": "it is about the network or the way to the next server",
    "5": "it is about the mail protocol: a command or its order",
    "6": "it is about the content of the message",
    "7": "it is about security or policy: signing in, encryption, permission",
}
_BASIC = {
    "211": "system status",
    "214": "help text",
    "220": "the service is ready",
    "221": "the server closes the connection, as asked",
    "235": "signed in",
    "250": "the command was carried out",
    "251": "the recipient is elsewhere, and the server forwards to it",
    "252": "the server does not tell whether the recipient exists, and takes the message",
    "334": "the server waits for the next part of the sign-in; it is no error",
    "354": "the server waits for the message; it is no error",
    "421": "the service is not available and closes the connection",
    "422": "the recipient's mailbox is full",
    "432": "the password has to be changed first",
    "450": "the mailbox is not available just now",
    "451": "the server failed, or puts the message off",
    "452": "the server lacks room",
    "454": "signing in or TLS failed for now",
    "455": "the server cannot take these parameters just now",
    "500": "the command was not understood",
    "501": "a parameter was not understood",
    "502": "the command does not exist here",
    "503": "commands came out of order",
    "504": "a parameter is not supported",
    "521": "the host takes no mail",
    "523": "the message is too big",
    "525": "the account is disabled",
    "530": "sign in, or start TLS, first",
    "534": "this way to sign in is too weak, or another kind of password is needed",
    "535": "the sign-in failed",
    "538": "TLS is needed for this way to sign in",
    "541": "the message was refused by policy",
    "550": "the action was refused, mostly for the mailbox or by policy",
    "551": "the recipient is not here",
    "552": "the mailbox or the message is too big",
    "553": "the address is not allowed",
    "554": "the transaction failed, or the server does not talk to us",
    "555": "the server does not know a parameter of MAIL or RCPT",
    "556": "the domain takes no mail",
}
"""RFC 5321 section 4.2.3, RFC 4954 section 6, RFC 7504."""
_DETAILS = {
    "1.0": "the address is refused",
    "1.1": "there is no such mailbox",
    "1.2": "there is no such domain, or it cannot be reached",
    "1.3": "the address is not written correctly",
    "1.6": "the mailbox has moved",
    "1.7": "the sender's address is not written correctly",
    "1.8": "the sender's domain does not exist",
    "1.10": "the domain takes no mail (null MX)",
    "2.0": "the mailbox is not available",
    "2.1": "the mailbox is disabled",
    "2.2": "the mailbox is full",
    "2.3": "the message is too long for the mailbox",
    "3.0": "the mail system fails",
    "3.1": "the server's disk is full",
    "3.2": "the server takes no mail just now",
    "3.4": "the message is too big for the server",
    "4.1": "the host did not answer",
    "4.2": "the connection broke",
    "4.3": "the DNS failed",
    "4.4": "no way to the next server is known",
    "4.6": "the message goes round in a loop",
    "4.7": "the message was too long on its way",
    "5.0": "the protocol failed",
    "5.1": "the command is not valid here",
    "5.2": "the command was not understood",
    "5.3": "there are too many recipients",
    "5.4": "a parameter is not valid",
    "5.6": "the line is too long",
    "6.0": "the content is refused",
    "7.0": "refused for security",
    "7.1": "not allowed: relaying, or refused by policy",
    "7.3": "sign-in failed",
    "7.4": "this way to sign in is not supported",
    "7.7": "the message was changed on its way",
    "7.8": "user name or password are not accepted",
    "7.9": "this way to sign in is too weak: an app password is needed",
    "7.10": "encryption is needed",
    "7.11": "encryption is needed for this way to sign in",
    "7.12": "the password has to be changed first",
    "7.13": "the account is disabled",
    "7.15": "the priority is too low",
    "7.20": "no DKIM signature passed",
    "7.23": "SPF says that the machine may not send for the domain",
    "7.24": "SPF could not be checked",
    "7.25": "the address has no fitting reverse name",
    "7.26": "neither SPF nor DKIM passed",
    "7.27": "the sender's domain takes no mail (null MX)",
    "7.28": "unusually much mail",
    "7.30": "no TLS that the message demands (RFC 8689), or no basic authentication any more (Microsoft)",
}
"""RFC 3463 section 3 and the registry of RFC 5248, without the class."""


@dataclass(frozen=True, slots=True)
class Code:
    """A reply code of a text and what it says by itself."""

    text: str
    meaning: str


def read_code(basic: str | None, enhanced: str | None) -> Code | None:
    """Tell what a reply code says, and an enhanced status code; None where no table knows either.

    Args:
        basic: three digits, or None.
        enhanced: such as "5.7.8", or None.
    """
    words = []
    if basic is not None and basic in _BASIC:
        words.append(_BASIC[basic])
    if enhanced is not None:
        words.append(_read_enhanced(enhanced))
    if not words:
        return None
    return Code(" ".join(part for part in (basic, enhanced) if part is not None), "; ".join(words))


def _read_enhanced(code: str) -> str:
    """Tell what an enhanced status code says: its detail where that is registered, else its subject."""
    kind, _, rest = code.partition(".")
    subject = rest.partition(".")[0]
    detail = _DETAILS.get(rest) or _SUBJECTS.get(subject, "its subject is none that RFC 3463 knows")
    return f"{detail} ({_CLASSES[kind]})"


def is_known_basic(code: str) -> bool:
    """Tell whether three digits are a reply code of SMTP."""
    return code in _BASIC
