"""Says what to do about a failed check: by what `mailport explain` says, and by the provider's own word."""

from functools import lru_cache

from scanner.accounts.reasons import EXPLAINED_BY
from scanner.config.catalogue import Provider
from scanner.explain.entries import read_explanations
from scanner.model.account import AccountReason
from scanner.model.published import Login, UserName

_OWN = {
    AccountReason.SECRET_MISSING: "Put the password into the file or variable that the settings name.",
    AccountReason.TOKEN_FAILED: (
        "Run the token_command by hand, as the user that mailport runs as; renew its own sign-in if it asks."
    ),
    AccountReason.NO_SERVER: "Name the server in the account: smtp, imap or pop3 with HOST:PORT.",
    AccountReason.BACKED_OFF: (
        "Mend what the refusal says. A password file with another password is tried at once."
    ),
    AccountReason.NAME_NOT_FOUND: "Check the spelling of the server's name in the account.",
    AccountReason.DNS_FAILURE: "Look whether the name servers answer: mailport scan of the same host tells.",
    AccountReason.NO_ADDRESS: "The name has no address; check its spelling and its records.",
    AccountReason.ADDRESS_NOT_ALLOWED: (
        "If the server is meant to be on a private network, set probe.allow_private: true."
    ),
    AccountReason.EXCLUDED: (
        "The server is on the exclude list; take the account out, or its entry off the list (exclude)."
    ),
    AccountReason.CONNECTION_REFUSED: (
        "Nothing listens on this port; check the port, and whether the service runs."
    ),
    AccountReason.CONNECT_TIMEOUT: "Packets to this port vanish; mailport scan tells whose filter it is.",
    AccountReason.ADMIN_PROHIBITED: (
        "A filter forbids the connection; open the port there, or use another one."
    ),
    AccountReason.HOST_UNREACHABLE: "There is no way to the host; look at routes and at the host itself.",
    AccountReason.NETWORK_UNREACHABLE: "This machine has no route to the address; look at its own network.",
    AccountReason.PROBE_RESOURCES: "This machine is short of descriptors or ports; lower limits.concurrency.",
    AccountReason.GREETING_REJECTED: "The server turns our address away; read its words, and its log.",
    AccountReason.GREETING_TEMPFAIL: "The server is busy or does not want us now; wait for the next check.",
    AccountReason.NO_GREETING: (
        "The port is silent; a port with TLS from the first byte needs :ssl, not :starttls."
    ),
    AccountReason.TLS_HANDSHAKE_FAILED: (
        "Check the mode: :ssl for 465, 993 and 995, :starttls for 587, 143 and 110. "
        "mailport scan shows the rest."
    ),
    AccountReason.TLS_TIMEOUT: "The handshake stalls; mailport scan tells whether for all versions of TLS.",
    AccountReason.CERTIFICATE_UNTRUSTED: (
        "No password was sent. Install the whole chain on the server, or name your own CA in probe.ca_file."
    ),
    AccountReason.CERTIFICATE_EXPIRED: "No password was sent. Renew the certificate and reload the service.",
    AccountReason.CERTIFICATE_NAME_MISMATCH: (
        "No password was sent. Use a name that the certificate has; mailport scan lists them."
    ),
    AccountReason.STARTTLS_MISSING: (
        "No password was sent. The server lacks TLS here, or somebody on the way removes it: compare "
        "mailport scan from another network, or use the port with TLS from the first byte."
    ),
    AccountReason.STARTTLS_REFUSED: (
        "The server offers TLS and refuses it; look at its log and its certificate."
    ),
    AccountReason.STARTTLS_INJECTION: (
        "No password was sent. Somebody on the way, or a faulty server, puts text before TLS; "
        "scan from elsewhere."
    ),
    AccountReason.PROTOCOL_ERROR: "The server breaks the rules of its protocol; check the port and the kind.",
    AccountReason.READ_TIMEOUT: "The server fell silent; look at its load and at what it asks of others.",
    AccountReason.SERVER_CLOSED: "The server hung up; its log tells why.",
    AccountReason.AUTH_DISABLED: (
        "No sign-in is taken here, whatever the password. Have the administrator switch it on for this "
        "mailbox (Microsoft 365: Authenticated SMTP; a server of your own: AUTH on this port), or give the "
        "account a token_command if the provider takes tokens."
    ),
    AccountReason.OAUTH_REQUIRED: "Passwords are not taken here: give the account a token_command.",
    AccountReason.SERVER_REFUSED: "Read the server's own words; mailport explain takes them too.",
    AccountReason.RECIPIENT_REFUSED: "The server does not take the recipient; check roundtrip.recipient.",
    AccountReason.MESSAGE_REFUSED: "The server does not take the message; its words and its log tell why.",
    AccountReason.MAILBOX_MISSING: "The folder does not exist; correct roundtrip.mailbox or roundtrip.junk.",
    AccountReason.DELIVERY_TIMEOUT: (
        "The message was taken and did not arrive in time; look into the queue of the server that took it, "
        "and into the junk folder."
    ),
    AccountReason.MESSAGE_GONE: (
        "The message arrived, and another program or a rule of the mailbox took it away at once; leave "
        "messages with the header X-Mailport-Roundtrip alone there."
    ),
    AccountReason.DELETE_FAILED: (
        "The message arrived and could not be deleted; mailport tries again next time."
    ),
    AccountReason.INTERNAL: "This is a fault of mailport; its log has more. Please report it.",
}
_OF_THE_CREDENTIAL = frozenset(
    {
        AccountReason.AUTH_FAILED,
        AccountReason.APP_PASSWORD_REQUIRED,
        AccountReason.WEB_LOGIN_REQUIRED,
        AccountReason.AUTH_DISABLED,
        AccountReason.OAUTH_REQUIRED,
        AccountReason.PROTOCOL_DISABLED,
    }
)
_WAYS = {
    Login.OAUTH2: "OAuth 2 (token_command)",
    Login.APP_PASSWORD: "an app password",
    Login.PASSWORD: "the account's password",
    Login.AUTHORISATION_CODE: "an authorisation code",
    Login.BRIDGE: "its own program on your computer",
}


def advise(reason: AccountReason, provider: Provider | None = None, user_form: UserName | None = None) -> str:
    """Return what to do, in a sentence or two; with a provider, what it signs in with."""
    # The likeliest cause of a refusal is a name without its domain; a whole address has that ruled out.
    is_whole = reason is AccountReason.AUTH_FAILED and user_form is UserName.FULL_ADDRESS
    text = _OWN.get(reason) or _mend(reason, 1 if is_whole else 0)
    if provider is None or reason not in _OF_THE_CREDENTIAL or not provider.ways_to_sign_in:
        return text
    ways = " or ".join(_WAYS[way] for way in provider.ways_to_sign_in)
    notes = (provider.login.notes if provider.login is not None else None) or ""
    return " ".join(part for part in (f"{provider.name} takes {ways}.", notes, text) if part)


@lru_cache(maxsize=64)
def _mend(reason: AccountReason, cause: int) -> str:
    """Return how one of the causes is mended, from the explanation that the reason comes from."""
    ids = [name for name, given in EXPLAINED_BY.items() if given is reason]
    for entry in read_explanations():
        if entry.id in ids:
            return " ".join(entry.causes[cause].mend.split())
    raise LookupError(f"no advice for {reason}")
