"""Room 6: the composition root: builds everything from the settings, runs it, reloads it, stops it."""
