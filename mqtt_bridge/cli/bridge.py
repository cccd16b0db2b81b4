"""``kull-sync bridge``: one bridge worker, until SIGTERM or Ctrl-C."""

import os
from typing import Annotated

import typer

from .errors import fail


def bridge(
    worker: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Which worker of how many, from 0; all N must run, each once. Else KULL_SYNC_WORKER.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run one bridge worker: it checks, republishes and answers what devices send.

    It waits for a broker and for functions that are down. SIGTERM and Ctrl-C let it finish what it has taken;
    the rest waits at the broker for its next run. Its exit status is 78 when its settings are wrong.

    Settings come from the environment:

    - KULL_SYNC_API_URL: base URL of the functions

    - KULL_SYNC_SERVICE_TOKEN, or KULL_SYNC_SERVICE_TOKEN_FILE: a JWT with scopes sync:session and sync:bridge

    - KULL_SYNC_BROKER_URL, KULL_SYNC_BROKER_CA_FILE: where to connect, else where devices do

    - KULL_SYNC_METRICS_HOST, KULL_SYNC_METRICS_PORT: /metrics, /healthz and /readyz, else on 127.0.0.1:9464

    - KULL_SYNC_DRAIN_TIMEOUT: seconds that messages in flight have to finish, else 10

    - KULL_SYNC_LOG_FORMAT (json, console), KULL_SYNC_LOG_LEVEL

    **Example**

        kull-sync bridge --worker 0/2
    """
    try:
        from mqtt_bridge import bridge_process
    except ModuleNotFoundError as exc:
        if exc.name != "prometheus_client":
            raise
        fail("The bridge needs prometheus-client: pip install 'kull-sync[bridge]'")
    environ = os.environ if worker is None else {**os.environ, "KULL_SYNC_WORKER": worker}
    raise typer.Exit(bridge_process.main(environ))
