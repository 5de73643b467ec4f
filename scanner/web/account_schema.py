"""The models of accounts and their checks in the OpenAPI document."""

from scanner.model.account import AccountReason, AccountTls, Activity
from scanner.web.schema_words import MOMENT, NUMBER, TEXT, Schema, list_of, object_of, one_of, or_null, ref


def account(**more: Schema) -> Schema:
    """Return how an account stands, with the last of each of its checks."""
    check = object_of(
        activity=one_of(Activity),
        success=or_null({"type": "boolean"}),
        failures=NUMBER,
        succeeded_at=or_null(MOMENT),
        due_at=or_null(MOMENT),
        last=or_null(ref("AccountCheck")),
        **more,
    )
    return object_of(account=TEXT, checks=list_of(check))


def account_check() -> Schema:
    """Return what one check of an account came to."""
    texts = ("detail", "advice", "host", "address", "mechanism", "mailbox")
    seconds: Schema = {"type": "number", "minimum": 0}
    return object_of(
        account=TEXT,
        activity=one_of(Activity),
        success={"type": "boolean"},
        reason=or_null(one_of(AccountReason)),
        started_at=MOMENT,
        duration=seconds,
        phases={"type": "object", "additionalProperties": seconds},
        port=or_null({"type": "integer", "minimum": 1, "maximum": 65535}),
        tls_mode=or_null(one_of(AccountTls)),
        user_form=or_null(TEXT),
        mailboxes=or_null(NUMBER),
        is_junk=or_null({"type": "boolean"}),
        next_attempt=or_null(MOMENT),
        **{name: or_null(TEXT) for name in texts},
    )
