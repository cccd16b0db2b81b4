"""The demo's data: what a backend would keep in its database. In memory: each start begins anew."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from functions.sequence import next_sequence

from .refusals import already_culling, not_enough_credits, unknown

_T = TypeVar("_T")

Status = Literal["new", "queued", "processing", "completed", "failed"]


@dataclass
class Shoot:
    """One shoot and its latest run; a shoot that was never culled is ``new``."""

    shoot_id: str
    title: str
    image_count: int
    status: Status = "new"
    processed_count: int = 0
    run: int = 0
    """Counts the culls. It never falls, not even by a reset: devices drop what is of an older run."""
    error: str | None = None
    seconds: float = 0.0
    """How long the last run took."""

    @property
    def is_culling(self) -> bool:
        """Whether a worker is at it."""
        return self.status in ("queued", "processing")


@dataclass
class Prompt:
    """One prompt of the marketplace, which all users see."""

    prompt_id: str
    title: str
    author: str
    price: int
    """Credits."""
    description: str


@dataclass
class Account:
    """One user: a name, a ledger and shoots."""

    user_id: str
    name: str
    balance: int
    shoots: dict[str, Shoot]
    sequence: int = field(default_factory=next_sequence)
    """The ledger's version. From the clock and not counted: one that began at 1 with each start would stay
    behind a balance that somebody posted without a version, which the function fills from its clock.
    """

    def book(self, change: int) -> None:
        """Add credits, or take them."""
        self.balance += change
        self.sequence = next_sequence()

    def shoot(self, shoot_id: str) -> Shoot:
        """One of the user's shoots. Raises 404."""
        if shoot_id not in self.shoots:
            raise unknown("shoot", shoot_id, field="shootId")
        return self.shoots[shoot_id]

    def begin_cull(self, shoot: Shoot) -> None:
        """Take the credits and queue the next run. Raises 409 while one is going on, and 402."""
        if shoot.is_culling:
            raise already_culling(shoot.shoot_id)
        if self.balance < shoot.image_count:
            raise not_enough_credits(shoot.image_count, self.balance)
        # Now and not at the end: two shoots at once must not spend the same credits.
        self.book(-shoot.image_count)
        shoot.run += 1
        shoot.status, shoot.processed_count, shoot.error = "queued", 0, None


class DemoData:
    """All accounts and prompts."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.prompts: dict[str, Prompt] = {}
        self.reset()

    def reset(self) -> None:
        """Everything as at the start, but for what must only ever grow."""
        runs = {
            (account.user_id, shoot.shoot_id): shoot.run
            for account in self.accounts.values()
            for shoot in account.shoots.values()
        }
        self.accounts = _by(lambda account: account.user_id, _accounts())
        self.prompts = _by(lambda prompt: prompt.prompt_id, _prompts())
        for (user, shoot), run in runs.items():
            self.accounts[user].shoots[shoot].run = run + 1

    def account(self, user: str) -> Account:
        """A user's account. Raises 404."""
        if user not in self.accounts:
            raise unknown("user", user, field="userId")
        return self.accounts[user]

    def prompt(self, prompt_id: str) -> Prompt:
        """One prompt. Raises 404."""
        if prompt_id not in self.prompts:
            raise unknown("prompt", prompt_id, field="promptId")
        return self.prompts[prompt_id]


def _accounts() -> tuple[Account, ...]:
    return (
        Account(
            "ada",
            "Ada Okafor",
            4_200,
            _shoots(
                Shoot("wedding-17", "Wedding in Lisbon", 1_240),
                Shoot("portraits-4", "Studio portraits", 180),
                Shoot("harbour-2", "Harbour at dawn", 460, "completed", 460, 1, seconds=38.4),
                Shoot("marathon-9", "City marathon", 2_600, "completed", 2_600, 1, seconds=211.0),
                Shoot(
                    "concert-3",
                    "Concert, second night",
                    720,
                    "failed",
                    305,
                    1,
                    "DSC_0306.NEF is not readable",
                ),
                Shoot("archive-1", "Archive of 2019", 9_800),
            ),
        ),
        Account(
            "bob",
            "Bob Lindqvist",
            900,
            _shoots(
                Shoot("bakery-1", "Bakery, menu pictures", 320),
                Shoot("cup-final", "Cup final", 1_100, "completed", 1_100, 1, seconds=96.2),
            ),
        ),
    )


def _prompts() -> tuple[Prompt, ...]:
    return (
        Prompt("soft-light", "Soft light", "Mira Voss", 120, "Prefers calm faces and even light."),
        Prompt(
            "decisive-moment", "Decisive moment", "Jules Arnaud", 200, "Keeps the frame where it happens."
        ),
        Prompt("no-blinks", "No blinks", "Studio Norte", 80, "Drops every frame with closed eyes."),
        Prompt("story-arc", "Story arc", "Ines Castro", 260, "Keeps what tells the day from first to last."),
    )


def _shoots(*shoots: Shoot) -> dict[str, Shoot]:
    return _by(lambda shoot: shoot.shoot_id, shoots)


def _by(name: Callable[[_T], str], things: Iterable[_T]) -> dict[str, _T]:
    return {name(thing): thing for thing in things}
