"""SIGHUP: keys come and go while the broker runs, and nobody else notices."""

import time

from mqtt_bridge import tokens
from mqtt_bridge.tokens import SigningKey

from .conftest import StartBroker, TestBroker
from .link import ACCEPTED, ADMINISTRATIVE_ACTION, NOT_AUTHORIZED, TAKEN, wait_until


def _connect(broker: TestBroker, user: str, key: SigningKey) -> int:
    with broker.link(f"{user}:mac") as link:
        return link.connect(user, broker.mint(user, "mac", key=key))


def _reload(broker: TestBroker, expected: str) -> None:
    seen = len(broker.log)
    broker.control.reload()
    wait_until(lambda: any(expected in line for line in broker.log[seen:]))


def test_keys_rotate(start_broker: StartBroker, user: str) -> None:
    """A key is good from the reload that brings it to the one that takes it away."""
    broker = start_broker()
    old, new = broker.key, SigningKey.generate()
    assert _connect(broker, user, new) == NOT_AUTHORIZED

    tokens.write_jwks(broker.jwks_file, old, new)
    _reload(broker, "reloaded, 2 signing keys")
    assert _connect(broker, user, old) == ACCEPTED
    assert _connect(broker, user, new) == ACCEPTED

    tokens.write_jwks(broker.jwks_file, new)
    _reload(broker, "reloaded, 1 signing keys")
    assert _connect(broker, user, old) == NOT_AUTHORIZED
    assert _connect(broker, user, new) == ACCEPTED


def test_what_a_withdrawn_key_signed_ends(start_broker: StartBroker, user: str, transport: str) -> None:
    """A key is withdrawn because somebody else may have it: its connections are cut, the others stay."""
    broker = start_broker()
    new = SigningKey.generate()
    tokens.write_jwks(broker.jwks_file, broker.key, new)
    _reload(broker, "reloaded, 2")
    old_device = broker.device(user, transport=transport)
    with broker.device(
        user, "phone", token=broker.mint(user, "phone", key=new), transport=transport
    ) as phone:
        tokens.write_jwks(broker.jwks_file, new)
        _reload(broker, "reloaded, 1")

        assert old_device.wait_until_ended() == ADMINISTRATIVE_ACTION
        assert phone.subscribe("sync/v1/all/prompts") == [1]


def test_a_bad_file_changes_nothing(start_broker: StartBroker, user: str) -> None:
    """The keys stay as they were, the log says what is wrong, and the broker goes on."""
    broker = start_broker()
    with broker.device(user, "phone") as phone:
        for text in ("", "{", '{"keys":[]}'):
            broker.jwks_file.write_text(text)
            _reload(broker, "The keys stay as they were")
        broker.jwks_file.unlink()
        _reload(broker, "The keys stay as they were")

        assert _connect(broker, user, broker.key) == ACCEPTED
        assert phone.subscribe("sync/v1/all/prompts") == [1]


def test_sessions_survive_reloads(start_broker: StartBroker, user: str, transport: str) -> None:
    """On SIGHUP the broker asks again about all clients, the sleeping ones too, whose tokens are gone."""
    broker = start_broker()
    prompts = f"sync/v1/users/{user}/events/prompts"

    def asleep(device: str, token: str | None = None) -> None:
        link = broker.device(
            user, device, transport=transport, clean_start=False, session_expiry=600, token=token
        )
        assert link.subscribe(prompts) == [1]
        link.drop()

    asleep("restored")
    broker.restart()
    asleep("asleep")
    expires = time.time() + 3
    asleep("expired", token=broker.mint(user, "expired", lifetime=3))
    wait_until(lambda: time.time() > expires)
    with broker.device(user, "awake", transport=transport) as awake, broker.functions() as functions:
        for _ in range(3):
            _reload(broker, "reloaded, 1")

        assert awake.publish(f"sync/v1/users/{user}/devices/awake") in TAKEN
        assert functions.publish(prompts, b"waiting") == ACCEPTED
        for device in ("restored", "asleep", "expired"):
            with broker.device(
                user, device, transport=transport, clean_start=False, session_expiry=600
            ) as link:
                assert link.session_present, device
                assert link.receive().payload == b"waiting"


def test_a_reload_lets_nobody_in(start_broker: StartBroker, user: str, transport: str) -> None:
    """While the broker asks again about everybody, a connect is still a connect."""
    broker = start_broker()
    with broker.device(user, transport=transport):
        for _ in range(30):
            broker.control.reload()
            stranger = broker.link(f"{user}:phone", transport)
            assert stranger.connect(user, "garbage") == NOT_AUTHORIZED
