"""``kull-sync dev`` for the browser tests, on free ports, where no other command finds it.

    python -m web.e2e.demo_stack

Says the demo's URL once it answers. It ends, with everything that it started, at the end of its input: also
when the tests were killed.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from mqtt_bridge.local_broker import HOST, free_port

from .stack import say, start


def main() -> None:
    with ExitStack() as stack:
        runtime = stack.enter_context(tempfile.TemporaryDirectory(prefix="kull-sync-e2e-"))
        port = free_port()
        url = f"http://{HOST}:{port}"
        kull_sync = str(Path(sys.executable).with_name("kull-sync"))
        start(
            [kull_sync, "dev", "--http-port", str(port), "--mqtt-port", "0", "--ws-port", "0"],
            {"XDG_RUNTIME_DIR": runtime},
            stack,
            ready=f"{url}/",
        )
        say(url)
        sys.stdin.read()


if __name__ == "__main__":
    main()
