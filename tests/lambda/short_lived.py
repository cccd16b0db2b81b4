"""The function prompt-change, with what takes minutes or hours in production cut to seconds.

Variables of its configuration say what: ``KEEPALIVE``, ``MAX_IDLE`` and ``TOKEN_LIFETIME``.
"""

import os
from functools import partial

from functions import environment
from functions.prompt_change import handler
from mqtt_bridge import publisher

__all__ = ["handler"]

for name in ("KEEPALIVE", "MAX_IDLE"):
    if seconds := os.environ.get(name):
        setattr(publisher, name, int(seconds))
if lifetime := os.environ.get("TOKEN_LIFETIME"):
    vars(environment)["MqttPublisher"] = partial(publisher.MqttPublisher, token_lifetime=int(lifetime))
