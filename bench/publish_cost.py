"""What does a publish cost the publisher and the broker: with aiomqtt, and with the client of the functions?

    python -m bench.publish_cost

Both publish the same messages at QoS 1 to one broker with our configuration and our plugin, and take turns
(A B A B …) on warm connections. Counted is time on a CPU: of this process, which does nothing else, and of
the broker.
"""

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from mqtt_bridge import connection, tokens
from mqtt_bridge.broker_url import BrokerUrl
from mqtt_bridge.local_broker import LocalBroker
from mqtt_bridge.messages import ShootProgress, ShootProgressMessage
from mqtt_bridge.mqtt5 import connection as mqtt5_connection
from mqtt_bridge.publisher import MqttPublisher
from mqtt_bridge.rights import functions_rights
from mqtt_bridge.topics import FUNCTIONS, ShootTopic, client_id

from .processes import cpu_seconds

ROUNDS = 15
MESSAGES = 3000
"""Of each way in a round."""
AT_ONCE = (1, 10, 64)
TIMEOUT = 30.0
AIOMQTT, OWN, WHOLE = "aiomqtt", "mqtt5", "mqtt5 with topic, JSON and one resend"

Publish = Callable[[int], Awaitable[object]]
Cost = tuple[float, float]
"""Microseconds of the publisher and of the broker for each message."""


async def cost_of_round(publish: Publish, broker: LocalBroker, at_once: int) -> Cost:
    """Publish ``MESSAGES``, so many of them in flight at a time."""
    numbers = iter(range(MESSAGES))

    async def one_after_another() -> None:
        for number in numbers:
            await publish(number)

    gc.collect()
    before = time.process_time_ns() / 1000, cpu_seconds([broker.pid]) * 1e6
    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    after = time.process_time_ns() / 1000, cpu_seconds([broker.pid]) * 1e6
    return (after[0] - before[0]) / MESSAGES, (after[1] - before[1]) / MESSAGES


async def measure(broker: LocalBroker, key: tokens.SigningKey) -> dict[tuple[str, int], list[Cost]]:
    """The costs of each round, by way and number of messages at a time."""
    url = BrokerUrl.parse(f"mqtt://{broker.host}:{broker.tcp_port}")
    topics = [ShootTopic(f"user-{number % 100}", f"shoot-{number % 7}") for number in range(MESSAGES)]
    messages = [
        ShootProgressMessage(
            user_id=topic.user,
            data=ShootProgress(
                shoot_id=topic.shoot, status="processing", processed_count=1, total_count=9, sequence=number
            ),
        )
        for number, topic in enumerate(topics)
    ]
    ready = [(str(topic), message.to_json()) for topic, message in zip(topics, messages, strict=True)]

    def publishing(on: connection.Connection | mqtt5_connection.Connection) -> Publish:
        def publish(number: int) -> Awaitable[object]:
            topic, payload = ready[number]
            return on.publish(topic, payload, retain=True, expiry=ShootTopic.expiry)

        return publish

    async def opened(kind: type[connection.Connection | mqtt5_connection.Connection], device: str) -> Publish:
        return publishing(
            await kind.open(
                url,
                client_id=client_id(FUNCTIONS, device),
                username=FUNCTIONS,
                password=tokens.mint(
                    key, principal=FUNCTIONS, device=device, rights=functions_rights(device)
                ),
                keepalive=1200,
                timeout=TIMEOUT,
            )
        )

    publisher = MqttPublisher(url, key=key, timeout=TIMEOUT)
    ways: dict[str, Publish] = {
        AIOMQTT: await opened(connection.Connection, "aiomqtt"),
        OWN: await opened(mqtt5_connection.Connection, "mqtt5"),
        WHOLE: lambda number: publisher.publish(topics[number], messages[number]),
    }
    costs: dict[tuple[str, int], list[Cost]] = {}
    for round_number in range(-1, ROUNDS):
        for at_once in AT_ONCE:
            for name, publish in ways.items():
                cost = await cost_of_round(publish, broker, at_once)
                # The first round pays for cold caches and the broker's first allocations.
                if round_number >= 0:
                    costs.setdefault((name, at_once), []).append(cost)
    return costs


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        key = tokens.SigningKey.generate()
        tokens.write_jwks(path / "jwks.json", key)
        with LocalBroker(path / "broker", jwks_file=path / "jwks.json") as broker:
            costs = asyncio.run(measure(broker, key))
    print(f"µs of CPU per publish, medians of {ROUNDS} rounds of {MESSAGES}; in brackets the middle half")
    print(f"{'at once':>7}  {'publisher':>22} {'broker':>22} {'both':>8}")
    for (name, at_once), rounds in costs.items():
        columns = [statistics.quantiles(column, n=4) for column in zip(*rounds, strict=True)]
        both = statistics.median(map(sum, rounds))
        shown = " ".join(f"{middle:7.1f} [{low:5.1f}–{high:5.1f}]" for low, middle, high in columns)
        print(f"{at_once:>7}  {shown} {both:8.1f}  {name}")


if __name__ == "__main__":
    main()
