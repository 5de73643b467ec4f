"""The mark a filtering firewall leaves on a greeting: `220 ****` in place of its text."""

_LEFT_STANDING = "*02 "
_FEWEST_STARS = 4
_LONG_ENOUGH = 8


def is_masked_banner(banner: str) -> bool:
    """Tell whether an SMTP greeting was overwritten with asterisks, as SMTP inspection on the path does.

    Such a filter leaves only the digits 2 and 0 and spaces; a few asterisks before words are decoration.
    """
    if banner[:4] not in {"220 ", "220-"}:
        return False
    text = banner[4:]
    masked = text[: len(text) - len(text.lstrip(_LEFT_STANDING))]
    return masked.count("*") >= _FEWEST_STARS and (masked == text or len(masked) >= _LONG_ENOUGH)
