"""The order of states, as the table that every client shares."""

from typing import Any

import pytest

from mqtt_bridge.messages import CreditUpdate, CreditUpdateMessage, ShootProgress, ShootProgressMessage
from mqtt_bridge.ordering import is_newer_balance, is_newer_progress
from tests import vectors

VECTORS = vectors.load("ordering")


def progress(row: dict[str, Any]) -> ShootProgressMessage:
    data = ShootProgress(
        shoot_id="s",
        status=row["status"],
        processed_count=0,
        total_count=1,
        run=row.get("run", 0),
        sequence=row.get("sequence"),
    )
    return ShootProgressMessage(user_id="ada", timestamp=row.get("timestamp", 0), data=data)


def balance(row: dict[str, Any]) -> CreditUpdateMessage:
    data = CreditUpdate(new_balance=1, change=1, reason="bought", sequence=row.get("sequence"))
    return CreditUpdateMessage(user_id="ada", timestamp=row.get("timestamp", 0), data=data)


@pytest.mark.parametrize("row", VECTORS["progress"], ids=lambda row: row["name"])
def test_progress_never_goes_back(row: dict[str, Any]) -> None:
    """Run, then finished, then sequence decide; when a message arrives does not."""
    known = row["known"] and progress(row["known"])

    assert is_newer_progress(progress(row["new"]), known) is row["replaces"]


@pytest.mark.parametrize("row", VECTORS["balance"], ids=lambda row: row["name"])
def test_older_balance_is_dropped(row: dict[str, Any]) -> None:
    """The ledger's version decides which balance is shown."""
    known = row["known"] and balance(row["known"])

    assert is_newer_balance(balance(row["new"]), known) is row["replaces"]
