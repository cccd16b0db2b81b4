"""What the demo refuses, beside what the functions do."""

from functions.problems import Fault, ProblemError


def unknown(what: str, name: str, *, field: str) -> ProblemError:
    """404: there is no such thing in the demo's data. ``field`` is where the caller named it."""
    return ProblemError(
        404,
        f"unknown-{what}",
        f"The demo has no {what} of this name.",
        title=f"No such {what}",
        faults=[Fault(field=field, detail=f"{name} is not known")],
    )


def no_user_of_the_demo() -> ProblemError:
    """403: the token is good, but of a service, or of a user for whom the demo has no data."""
    return ProblemError(
        403, "no-demo-user", "This needs the token of a user of the demo.", title="Not a user of the demo"
    )


def already_culling(shoot: str) -> ProblemError:
    """409: one worker per shoot."""
    return ProblemError(
        409,
        "already-culling",
        f"The shoot {shoot} is being culled. Wait until it has finished.",
        title="The shoot is being culled",
    )


def not_completed(shoot: str, status: str) -> ProblemError:
    """409: there is no report yet."""
    return ProblemError(
        409,
        "not-completed",
        f"The shoot {shoot} is {status}; only a completed one has a report.",
        title="The shoot is not completed",
    )


def not_enough_credits(needed: int, balance: int) -> ProblemError:
    """402: an image costs a credit."""
    return ProblemError(
        402,
        "not-enough-credits",
        f"Culling this shoot takes {needed} credits, and the balance is {balance}.",
        title="Not enough credits",
    )
