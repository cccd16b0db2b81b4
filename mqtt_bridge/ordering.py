"""Which of two states of the same thing is the newer one. Arrival order does not tell: copies overtake."""

from .messages import CreditUpdateMessage, ShootProgressMessage, UpdateProgressMessage


def progress_rank(message: ShootProgressMessage | UpdateProgressMessage) -> tuple[int, bool, int]:
    """Orders the progress of one shoot: the higher run, then finished before unfinished, then the sequence.

    A message of a foreign publisher without a sequence counts as of its timestamp.
    """
    data = message.data
    return data.run, data.finished, _sequence(data.sequence, message.timestamp)


def is_newer_progress(new: ShootProgressMessage, known: ShootProgressMessage | None) -> bool:
    """Whether ``new`` replaces ``known``. Progress never goes back, and a finished run stays finished."""
    return known is None or progress_rank(new) > progress_rank(known)


def is_newer_balance(new: CreditUpdateMessage, known: CreditUpdateMessage | None) -> bool:
    """Whether ``new`` replaces ``known``. The ledger's version decides; an equal one may correct it."""
    if known is None:
        return True
    return _sequence(new.data.sequence, new.timestamp) >= _sequence(known.data.sequence, known.timestamp)


def _sequence(sequence: int | None, timestamp: int) -> int:
    return timestamp if sequence is None else sequence
