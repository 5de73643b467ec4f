"""Hands the message of a round trip to the server that sends: one sender, one recipient, one attempt."""

from aiosmtplib import SMTP, SMTPResponseException

from scanner.accounts.attempt import AccountFailure, Attempt
from scanner.accounts.reasons import Stage, read_reply
from scanner.model.account import AccountPhase


async def submit(attempt: Attempt, client: SMTP, message: bytes, sender: str, recipient: str) -> None:
    """Send a message with a client that is signed in; the phase `submit` ends with the last reply.

    Raises:
        AccountFailure: the server refuses the sender, the recipient or the message.
        SMTPException: the conversation fails otherwise.
    """
    with attempt.phase(AccountPhase.SUBMIT):
        stage = Stage.SENDER
        try:
            await client.mail(sender)
            stage = Stage.RECIPIENT
            await client.rcpt(recipient)
            stage = Stage.MESSAGE
            await client.data(message)
        except SMTPResponseException as error:
            if error.code < 400:
                raise
            text = f"{error.code} {error.message}"
            raise AccountFailure(read_reply(text, stage), text) from None
