"""What the bridge knows of the shoots that devices report: how many a user has, and how far each is."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from .messages import ShootProgressMessage
from .ordering import progress_rank

DAY_MS = 24 * 60 * 60 * 1000

PER_USER = 1000
"""Shoots of one user that become retained on one day (UTC)."""
IN_ALL = 100_000
"""Shoots that are remembered, of all users; some 30 MB."""

Entry = Literal["newest", "superseded", "too-many"]


@dataclass(frozen=True, slots=True)
class _Known:
    id: str
    rank: tuple[int, bool, int]


class ShootBook:
    """The shoots of today, in memory. After a restart, and at midnight UTC, it begins anew.

    When ``in_all`` is exceeded, the users who were heard of longest ago are forgotten. To forget is harmless:
    a user may then have more shoots retained, and an update that arrives late may be retained until the next.
    """

    def __init__(self, *, per_user: int = PER_USER, in_all: int = IN_ALL) -> None:
        self._per_user = per_user
        self._in_all = in_all
        self._users: OrderedDict[str, dict[str, _Known]] = OrderedDict()
        self._count = 0
        self._day = 0

    def __len__(self) -> int:
        return self._count

    def enter(self, user: str, progress: ShootProgressMessage, *, now: int) -> Entry:
        """Take the progress of a shoot, at ``now`` (milliseconds since 1970), and say what to do with it.

        ``superseded``: a newer state was published before, which this one must not replace. The same message
        once more is not: whether its first publication arrived may be unknown.
        """
        self._turn_page(now)
        shoots = self._users.setdefault(user, {})
        self._users.move_to_end(user)
        shoot = progress.data.shoot_id
        known = shoots.get(shoot)
        new = _Known(progress.id, progress_rank(progress))
        if known is None:
            if len(shoots) >= self._per_user:
                return "too-many"
            self._count += 1
        elif new.rank < known.rank or (new.rank == known.rank and new.id != known.id):
            return "superseded"
        shoots[shoot] = new
        self._forget_oldest_users()
        return "newest"

    def strike(self, user: str, shoot: str, message_id: str) -> None:
        """Forget a shoot's progress: it was not published after all. A newer one, entered since, stays."""
        shoots = self._users.get(user, {})
        known = shoots.get(shoot)
        if known is not None and known.id == message_id:
            del shoots[shoot]
            self._count -= 1

    @staticmethod
    def until_tomorrow(now: int) -> int:
        """Milliseconds until the next day (UTC) begins."""
        return DAY_MS - now % DAY_MS

    def _turn_page(self, now: int) -> None:
        if now // DAY_MS != self._day:
            self._day = now // DAY_MS
            self._users.clear()
            self._count = 0

    def _forget_oldest_users(self) -> None:
        while self._count > self._in_all and len(self._users) > 1:
            _, shoots = self._users.popitem(last=False)
            self._count -= len(shoots)
