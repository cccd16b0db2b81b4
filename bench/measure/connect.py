"""What does a connect with a token cost the broker, against an anonymous one?

Two brokers with our configuration, one with the plugin and one without it that lets anybody in, take turns
under the same clients. Counted is the broker's own time on a CPU.
"""

import contextlib
import re
import socket
from functools import partial
from pathlib import Path

from bench import mqtt, workload
from bench.peers.mosquitto import Mosquitto, broker
from bench.processes import BenchError, cpu_seconds
from bench.rounds import Metric, Result, Sample, take_turns
from mqtt_bridge import tokens
from mqtt_bridge.local_broker import LocalBroker
from mqtt_bridge.rights import device_rights
from mqtt_bridge.topics import client_id

from .context import Context, directory

GOAL = 3.0
"""Times an anonymous connect that one with a token may cost."""
CONNECTS = 200
"""Of each kind in a turn."""


class AnonymousBroker(LocalBroker):
    """The same broker without the plugin."""

    def command(self) -> list[str]:
        command = super().command()
        configuration = Path(command[-1])
        text = re.sub(
            r"^plugin .*jwt_auth.*\n(?:#.*\n|plugin_opt_.*\n)*",
            "",
            configuration.read_text(),
            flags=re.MULTILINE,
        )
        configuration.write_text(text.replace("allow_anonymous false", "allow_anonymous true"))
        return command


TURNS = 5
"""For each round asked for, as one takes well under a second."""


def measure(context: Context) -> Result:
    """Broker CPU per connect over TCP, with and without a token."""
    metrics = [
        Metric(f"us_{mosquitto.minor}", f"CPU per connect, {mosquitto.label}", "µs")
        for mosquitto in context.mosquittos
    ]
    result = Result("connect", "Connect over TCP, with and without a token", metrics, reference="anonymous")
    result.titles = {"anonymous": "anonymous", "token": "with a token"}
    key = tokens.SigningKey.generate()
    users = workload.users(CONNECTS)
    device = workload.device(0)
    bare = [mqtt.connect(client_id(user, device)) for user in users]
    signed = [
        mqtt.connect(
            client_id(user, device),
            user,
            tokens.mint(key, principal=user, device=device, rights=device_rights(user, device)),
        )
        for user in users
    ]
    with directory() as files, contextlib.ExitStack() as stack:
        anonymous, with_token = [], []
        for mosquitto in context.mosquittos:
            place = files / mosquitto.minor
            anonymous.append(
                (mosquitto, stack.enter_context(broker(mosquitto, place / "bare", key, kind=AnonymousBroker)))
            )
            with_token.append((mosquitto, stack.enter_context(broker(mosquitto, place / "token", key))))
        turns = {"anonymous": partial(_round, anonymous, bare), "token": partial(_round, with_token, signed)}
        # The first turn pays for cold caches and the broker's first allocations.
        for turn in turns.values():
            turn()
        take_turns(result, turns, rounds=context.rounds * (1 if context.short else TURNS), say=context.say)
    for metric in metrics:
        ratio = result.ratio("token", metric.name) or 0.0
        verdict = "reached" if ratio <= GOAL else "not reached"
        result.note(f"{metric.title}: x{ratio:.2f}; the goal of at most x{GOAL:g} is {verdict}.")
    return result


def _round(brokers: list[tuple[Mosquitto, LocalBroker]], packets: list[bytes]) -> Sample:
    sample = {}
    for mosquitto, running in brokers:
        before = cpu_seconds([running.pid])
        for packet in packets:
            _connect_once(running, packet)
        sample[f"us_{mosquitto.minor}"] = (cpu_seconds([running.pid]) - before) / len(packets) * 1e6
    return sample


def _connect_once(running: LocalBroker, packet: bytes) -> None:
    """CONNECT, wait for an accepting CONNACK, DISCONNECT."""
    with socket.create_connection((running.host, running.tcp_port), timeout=10) as connection:
        connection.sendall(packet)
        answer = connection.recv(256)
        if len(answer) < 4 or answer[0] != 0x20 or answer[3] != 0:
            raise BenchError(f"The broker refused a connect: {answer.hex()}")
        connection.sendall(mqtt.DISCONNECT)
        # Until the broker hung up: what it does at the end of a connection belongs to this connect.
        while connection.recv(256):
            pass
