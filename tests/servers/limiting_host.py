"""A mail host with limits: quotas that Postfix or Dovecot's LMTP holds, greylisting, and closed accounts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.certificates import Authority
from tests.servers.dovecot import PASSWORD, run_dovecot
from tests.servers.mail_host import MAIL_PORTS
from tests.servers.mailbox import Mailbox
from tests.servers.postfix import DOMAIN, run_postfix
from tests.servers.process import reserved_address

NAME = "limits.mail.test"
CLOSED = "closed"
"""A user whose password is right, and who may not sign in; Dovecot says so in its own words."""
LAPSED = "lapsed"
"""Likewise, with a reason of the operator's, which is one word in a file of passwords."""
GREYLISTED = f"probe-lost@{DOMAIN}"
"""An address for which every mail is to come again later."""
LATE = f"probe-late@{DOMAIN}"
"""The mailbox by another name, for which the quota is looked at when the mail is delivered, by LMTP alone."""
FULL = "full"
"""A user whose mailbox is looked at by LMTP alone; what is refused there goes back to the sender."""
MOST_MESSAGES = 2
"""What the quota of a mailbox allows."""

_DOVECOT = """\
mail_plugins = quota
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = maildir:all
  quota_rule = *:messages={most}
  quota_status_success = DUNNO
  quota_status_nouser = DUNNO
}}
service quota-status {{
  executable = quota-status -p postfix
  unix_listener {state}/quota {{
    mode = 0666
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%n {state}/closed
}}
"""
_USERS = f"""\
{FULL}:{{PLAIN}}{PASSWORD}::::::
{CLOSED}:{{PLAIN}}{PASSWORD}::::::nologin
{LAPSED}:{{PLAIN}}{PASSWORD}::::::nologin reason=PASSWORD-EXPIRED
"""
_POSTFIX = """\
smtpd_recipient_restrictions =
  check_recipient_access inline:{{
    {{ {greylisted} = DEFER_IF_PERMIT Greylisted for 300 seconds }}, {{ {full}@{domain} = OK }} }},
  check_policy_service unix:{state}/quota
virtual_mailbox_maps = inline:{{
  {{ probe@{domain} = probe/ }}, {{ {full}@{domain} = full/ }}, {{ {greylisted} = lost/ }} }}
virtual_alias_maps = inline:{{ {{ {late} = probe@{domain} }} }}
"""


@pytest.fixture(scope="session")
def limiting_host(server_folder: Path, authority: Authority) -> Iterator[Mailbox]:
    """A real Postfix and Dovecot with limits."""
    folder = server_folder / "limiting-host"
    state = folder / "dovecot"
    state.mkdir(parents=True)
    (state / "closed").write_text(_USERS)
    with reserved_address("127.0.28", MAIL_PORTS) as address:
        leaf = authority.issue(NAME)
        more = _DOVECOT.format(state=state, most=MOST_MESSAGES)
        with run_dovecot(state, address, leaf, more) as dovecot:
            extra = _POSTFIX.format(state=state, greylisted=GREYLISTED, late=LATE, full=FULL, domain=DOMAIN)
            with run_postfix(folder / "postfix", NAME, address, leaf, dovecot, extra) as postfix:
                yield Mailbox(NAME, address, authority.ca_file, dovecot, postfix)
