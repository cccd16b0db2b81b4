"""How long to wait before the next try."""

FIRST_STEP = 1.0
"""Seconds: the longest first wait."""


def full_jitter(attempt: int, *, cap: float, random: float) -> float:
    """Seconds to wait before try number ``attempt`` (from 0): anything up to a limit that doubles to ``cap``.

    ``random`` is from 0 up to 1. After a restart of the broker thousands come back at once; only a wait that
    is random in full spreads them ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    """
    # The exponent is bounded: an outage of a week must not overflow.
    return random * min(cap, FIRST_STEP * 2.0 ** min(attempt, 32))
