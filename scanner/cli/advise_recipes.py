"""What to mind where the settings are entered, by what they are for."""

from collections.abc import Mapping
from types import MappingProxyType

from scanner.verdict.credentials import Purpose

_NO_25 = "Never port 25: networks block it, and what is sent over it without signing in is taken for spam."
_SENDER = "Send from the account's own address; put a visitor's address into Reply-To."
_SECRET = "Keep the password out of the code: in the environment or in a secret file."  # noqa: S105 - advice

RECIPES: Mapping[Purpose, tuple[str, ...]] = MappingProxyType(
    {
        Purpose.CLIENT: (
            "Let the program require encryption; choose no setting that falls back to none.",
            "Sending needs a sign-in too, mostly with the same name and password as reading.",
        ),
        Purpose.WORDPRESS: (
            "Use a plugin that sends by SMTP instead of PHP mail, with authentication switched on.",
            _SENDER,
            _NO_25,
        ),
        Purpose.FORM: (
            "Send by SMTP with a sign-in, not by PHP mail: that is what keeps forms out of the spam folder.",
            _SENDER,
            _NO_25,
        ),
        Purpose.CRM: (
            "Connect the mailbox with a sign-in of its own; OAuth 2 where the system offers it.",
            "Watch the provider's limit of messages an hour; bulk mail belongs to a service for it.",
            _NO_25,
        ),
        Purpose.AUTOMATION: (
            _SECRET,
            "Use one connection for many messages, and wait before trying again after a 4xx reply.",
            _NO_25,
        ),
    }
)
