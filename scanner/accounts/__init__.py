"""Room 4: checks with the operator's own accounts: sign in, send, receive."""
