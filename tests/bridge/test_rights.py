"""The rights of the four roles, as they stand in the tokens."""

from mqtt_bridge.rights import Rights, bridge_rights, device_rights, functions_rights, operator_rights


def test_device_rights_are_spelled_out() -> None:
    """A device's rights end at its own user, and it writes its presence and uplink alone."""
    assert device_rights("ada", "mac-1") == Rights(
        pub=[
            "sync/v1/users/ada/devices/mac-1",
            "sync/v1/uplink/f/ada/mac-1/ping",
            "sync/v1/uplink/f/ada/mac-1/update-progress",
        ],
        sub=[
            "sync/v1/users/ada/events/shoots/+",
            "sync/v1/users/ada/devices/+",
            "sync/v1/users/ada/events/credits",
            "sync/v1/users/ada/events/prompts",
            "sync/v1/users/ada/inbox/mac-1",
            "sync/v1/all/prompts",
            "sync/v1/all/epoch",
        ],
    )


def test_functions_rights() -> None:
    """The functions publish for everyone and read no user's events."""
    assert functions_rights("f1") == Rights(
        pub=[
            "sync/v1/users/+/events/#",
            "sync/v1/users/+/devices/+",
            "sync/v1/users/+/inbox/+",
            "sync/v1/all/prompts",
            "$CONTROL/kull-sync/v1/revoke",
        ],
        sub=["sync/v1/users/+/devices/+", "sync/v1/users/$functions/inbox/f1"],
    )


def test_bridge_reads_its_shards_alone() -> None:
    """A worker sees the uplink of its users, and cannot change a balance or speak to everyone."""
    assert bridge_rights("1a") == Rights(
        pub=["sync/v1/users/+/events/shoots/+", "sync/v1/users/+/devices/+", "sync/v1/users/+/inbox/+"],
        sub=["sync/v1/uplink/1/#", "sync/v1/uplink/a/#", "sync/v1/users/+/devices/+", "sync/v1/all/epoch"],
    )


def test_operator_only_looks() -> None:
    """An operator's token changes nothing."""
    assert operator_rights() == Rights(pub=[], sub=["sync/v1/users/+/devices/+", "$SYS/#"])
