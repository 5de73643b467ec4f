"""mailport as a whole: real mail servers at one end, the message to whoever is woken at the other."""
