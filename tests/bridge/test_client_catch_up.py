"""When the app must fetch anew: the five causes, and that nothing else is one."""

import pytest

from mqtt_bridge.catch_up import CatchUp
from mqtt_bridge.events import ResyncCause


@pytest.mark.parametrize(
    ("session_present", "epoch", "queued", "own_session", "cause"),
    [
        pytest.param(True, "boot-1", 0, None, None, id="nothing missed"),
        pytest.param(True, "boot-1", 9, 7, None, id="a queue that was not full"),
        pytest.param(False, "boot-1", 0, None, "no-session", id="the broker had no session"),
        pytest.param(True, "boot-2", 0, 7, "new-epoch", id="the broker was started anew"),
        pytest.param(True, None, 0, None, "no-epoch", id="no marker came"),
        pytest.param(True, "boot-1", 10, None, "queue-full", id="as many as the broker keeps"),
        pytest.param(True, "boot-1", 0, 6, "foreign-session", id="another run was this device"),
        pytest.param(False, None, 10, 6, "no-session", id="all at once are told as one"),
    ],
)
async def test_resync_cause(
    session_present: bool,
    epoch: str | None,
    queued: int,
    own_session: int | None,
    cause: ResyncCause | None,
) -> None:
    """Each way to miss something has its cause; without one the app is left alone."""
    catch_up = CatchUp(queue_limit=10)
    catch_up.own_session = own_session
    for _ in range(queued):
        catch_up.count_queued()
    if epoch is not None:
        catch_up.mark(epoch)

    told = catch_up.resync_cause(session_present=session_present, known_epoch="boot-1", announced=[7, 8])

    assert told == cause


async def test_what_comes_after_the_marker_was_not_queued() -> None:
    """A busy evening must not look like a full queue, and the marker counts once however often it comes."""
    catch_up = CatchUp(queue_limit=2)
    catch_up.mark("boot-1")
    catch_up.mark("boot-1")
    for _ in range(5):
        catch_up.count_queued()

    assert catch_up.resync_cause(session_present=True, known_epoch="boot-1", announced=[]) is None
