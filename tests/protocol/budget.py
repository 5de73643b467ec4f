"""How hard hypothesis tries: small by default, `MAILPORT_TESTS=deep` for a long run with other examples."""

import os

from hypothesis import HealthCheck, settings

IS_DEEP = os.environ.get("MAILPORT_TESTS") == "deep"


def tries(count: int) -> settings:
    """Return the settings for so many examples, a hundred times as many in a deep run."""
    return settings(
        max_examples=100 * count if IS_DEEP else count,
        # The fixtures are a CA and a client that never change, so it is in order to share them.
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
