"""Real servers for tests: child processes on loopback, ready when they answer, stopped by their own id."""
