"""Says before anything is tried which accounts cannot work as they are set, by their provider's own word."""

from collections.abc import Iterable, Iterator

from scanner.config.account_settings import Account
from scanner.config.catalogue import Provider
from scanner.discovery import Catalogue
from scanner.model.published import Login, Source, UserName

_PASSWORDS = frozenset({Login.PASSWORD, Login.APP_PASSWORD, Login.AUTHORISATION_CODE, Login.BRIDGE})


def find_provider(account: Account, catalogue: Catalogue) -> Provider | None:
    """Return the provider of an account without a look-up: by its servers or its domain."""
    for activity in account.activities:
        server = account.server(activity)
        provider = None if server is None else catalogue.by_host(server.host)
        if provider is not None:
            return provider
    offer = catalogue.find(account.wanted_domain or "")
    if offer is None or offer.source is not Source.CATALOGUE or offer.provider is None:
        return None
    return catalogue.get(offer.provider)


def find_account_warnings(accounts: Iterable[Account], catalogue: Catalogue) -> Iterator[str]:
    """Say of each account what its provider will refuse; one sentence each."""
    for account in accounts:
        provider = find_provider(account, catalogue)
        if provider is None:
            continue
        ways = provider.ways_to_sign_in
        has_token = account.token_command is not None
        if ways and not has_token and not _PASSWORDS.intersection(ways):
            yield f"account {account.name}: {provider.name} takes no passwords; replace it by a token_command"
        if ways and has_token and Login.OAUTH2 not in ways:
            yield f"account {account.name}: {provider.name} takes no tokens; give it a password_file"
        named = None if provider.login is None else provider.login.username
        if named is UserName.FULL_ADDRESS and account.user_form is not UserName.FULL_ADDRESS:
            yield f"account {account.name}: {provider.name} wants the full address as username"
