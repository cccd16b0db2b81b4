"""What does a connect with a token cost the broker, against an anonymous one?

    python -m bench.connect_cost

Two brokers with our configuration, one with the plugin and one without it that lets anybody in, take turns
(A B A B …) under the same generator. Counted is the broker's own time on a CPU, which the generator and the
network do not enter. Exits with 1 when the ratio is above the goal.
"""

import re
import socket
import statistics
import sys
import tempfile
from pathlib import Path

from mqtt_bridge import tokens
from mqtt_bridge.local_broker import LocalBroker
from mqtt_bridge.rights import device_rights

GOAL = 3.0
ROUNDS = 25
CONNECTS = 200
"""Connects of each kind in a round."""


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


def _text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


def connect_packet(client_id: str, username: str | None = None, password: str | None = None) -> bytes:
    """CONNECT of MQTT 5: clean start, keepalive 30 s, no properties."""
    flags = 0x02 | (0xC0 if username else 0)
    body = _text("MQTT") + bytes([5, flags]) + (30).to_bytes(2, "big") + b"\0" + _text(client_id)
    if username and password:
        body += _text(username) + _text(password)
    length = bytearray()
    rest = len(body)
    while True:
        rest, digit = divmod(rest, 128)
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return b"\x10" + bytes(length) + body


def connect_once(broker: LocalBroker, packet: bytes) -> None:
    """CONNECT, wait for an accepting CONNACK, DISCONNECT."""
    with socket.create_connection((broker.host, broker.tcp_port), timeout=10) as connection:
        connection.sendall(packet)
        answer = connection.recv(256)
        if len(answer) < 4 or answer[0] != 0x20 or answer[3] != 0:
            raise RuntimeError(f"The broker refused the connect: {answer.hex()}")
        connection.sendall(b"\xe0\x00")
        # Until the broker hung up: what it does at the end of a connection belongs to this connect.
        while connection.recv(256):
            pass


def cpu_microseconds(broker: LocalBroker) -> float:
    """Time on a CPU since the broker started; it works in one thread."""
    return int(Path(f"/proc/{broker.pid}/schedstat").read_text().split()[0]) / 1000


def cost_of_round(broker: LocalBroker, packets: list[bytes]) -> float:
    """Microseconds of the broker for each connect."""
    before = cpu_microseconds(broker)
    for packet in packets:
        connect_once(broker, packet)
    return (cpu_microseconds(broker) - before) / len(packets)


def _line(name: str, costs: list[float]) -> str:
    low, middle, high = statistics.quantiles(costs, n=4)
    return f"{name:<10} {middle:7.1f} µs   (middle half {low:.1f} to {high:.1f}, {len(costs)} rounds)"


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        key = tokens.SigningKey.generate()
        tokens.write_jwks(path / "jwks.json", key)
        users = [f"user-{number}" for number in range(CONNECTS)]
        signed = [
            connect_packet(
                f"{user}:mac",
                user,
                tokens.mint(key, principal=user, device="mac", rights=device_rights(user, "mac")),
            )
            for user in users
        ]
        bare = [connect_packet(f"{user}:mac") for user in users]
        with (
            LocalBroker(path / "token", jwks_file=path / "jwks.json") as with_token,
            AnonymousBroker(path / "anonymous", jwks_file=path / "jwks.json") as anonymous,
        ):
            # The first round pays for cold caches and the broker's first allocations.
            cost_of_round(anonymous, bare)
            cost_of_round(with_token, signed)
            rounds = [
                (cost_of_round(anonymous, bare), cost_of_round(with_token, signed)) for _ in range(ROUNDS)
            ]
    anonymous_costs, token_costs = ([pair[index] for pair in rounds] for index in (0, 1))
    ratio = statistics.median(token / bare for bare, token in rounds)
    print(_line("anonymous", anonymous_costs))
    print(_line("token", token_costs))
    print(f"ratio      {ratio:7.2f}      (goal: at most {GOAL:g}; {CONNECTS} connects a round)")
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
