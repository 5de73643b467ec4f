"""What users sign in with, by the provider's word and the server's offer."""

import pytest

from scanner.model import Login
from scanner.verdict.credentials import Purpose, choose_credential

OAUTH2, APP, PASSWORD, CODE = Login.OAUTH2, Login.APP_PASSWORD, Login.PASSWORD, Login.AUTHORISATION_CODE


@pytest.mark.parametrize(
    ("offered", "said", "purpose", "ways"),
    [
        (("PLAIN", "LOGIN"), (), Purpose.CLIENT, (PASSWORD,)),
        (("XOAUTH2",), (), Purpose.FORM, (OAUTH2,)),
        (("PLAIN", "XOAUTH2"), (), Purpose.CLIENT, (OAUTH2, PASSWORD)),
        (("PLAIN", "XOAUTH2"), (), Purpose.WORDPRESS, (PASSWORD, OAUTH2)),
        ((), (), Purpose.CLIENT, ()),
        (None, (), Purpose.CLIENT, ()),
        (("GSSAPI",), (), Purpose.CLIENT, ()),
        (("PLAIN", "XOAUTH2", "OAUTHBEARER"), (OAUTH2, APP), Purpose.CLIENT, (OAUTH2, APP)),
        (("PLAIN", "XOAUTH2"), (OAUTH2, APP), Purpose.AUTOMATION, (APP, OAUTH2)),
        (("PLAIN", "LOGIN"), (OAUTH2, APP), Purpose.CLIENT, (APP,)),
        (("PLAIN", "LOGIN"), (OAUTH2,), Purpose.CLIENT, (OAUTH2,)),
        (None, (CODE,), Purpose.CLIENT, (CODE,)),
    ],
)
def test_the_credential_to_use(
    offered: tuple[str, ...] | None, said: tuple[Login, ...], purpose: Purpose, ways: tuple[Login, ...]
) -> None:
    credential = choose_credential(offered, said, purpose)
    assert credential.ways == ways
    assert credential.is_by_provider is bool(said)


def test_only_those_who_read_mail_are_told_how() -> None:
    assert [purpose for purpose in Purpose if purpose.reads] == [Purpose.CLIENT, Purpose.CRM]
