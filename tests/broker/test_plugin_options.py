"""A broker that is not configured as it should be does not start, and its log names the option."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mqtt_bridge import tokens
from mqtt_bridge.local_broker import LocalBroker, LocalBrokerError

PRIVATE_KEY_SET = (
    '{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",'
    '"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}'
)


def _output_of_start(directory: Path, change: Callable[[str], str], files: dict[str, str]) -> str:
    """Start the broker with a changed configuration; it must end by itself, with an error."""
    jwks_file = directory / "jwks.json"
    tokens.write_jwks(jwks_file, tokens.SigningKey.generate())
    broker = LocalBroker(directory, jwks_file=jwks_file, tcp_port=1, ws_port=1)
    command = broker.command()
    for name, text in files.items():
        (directory / name).write_text(text)
    configuration = directory / "mosquitto.conf"
    before = configuration.read_text()
    configuration.write_text(change(before))
    assert files or configuration.read_text() != before
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    return done.stderr


def _without(option: str) -> Callable[[str], str]:
    return lambda text: re.sub(rf"^plugin_opt_{option} .*\n", "", text, flags=re.MULTILINE)


def _with(option: str, value: str) -> Callable[[str], str]:
    return lambda text: re.sub(
        rf"^plugin_opt_{option} .*$", f"plugin_opt_{option} {value}", text, flags=re.MULTILINE
    )


def _adding(line: str) -> Callable[[str], str]:
    return lambda text: re.sub(r"^(plugin_opt_issuer .*)$", rf"\1\n{line}", text, flags=re.MULTILINE)


def _unchanged(text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("change", "files", "named"),
    [
        *(
            pytest.param(_without(option), {}, f"plugin_opt_{option} is missing", id=f"without {option}")
            for option in ("jwks_file", "issuer", "audience", "revocations_file")
        ),
        pytest.param(_adding("plugin_opt_isuer x"), {}, "unknown option plugin_opt_isuer", id="unknown"),
        pytest.param(_adding("plugin_opt_issuer x"), {}, "plugin_opt_issuer is given twice", id="twice"),
        pytest.param(_with("device_rate", "0"), {}, "plugin_opt_device_rate must be", id="rate 0"),
        pytest.param(_with("device_burst", "many"), {}, "plugin_opt_device_burst must be", id="burst"),
        pytest.param(_with("device_payload", "-1"), {}, "plugin_opt_device_payload must be", id="payload"),
        pytest.param(
            _with("device_subscriptions", "1000"), {}, "plugin_opt_device_subscriptions must be", id="filters"
        ),
        pytest.param(
            _with("jwks_file", "/none"), {}, "plugin_opt_jwks_file /none: No such", id="no key file"
        ),
        pytest.param(_unchanged, {"jwks.json": "{"}, "plugin_opt_jwks_file", id="key file is no JSON"),
        pytest.param(_unchanged, {"jwks.json": '{"keys":[]}'}, "plugin_opt_jwks_file", id="no keys"),
        pytest.param(_unchanged, {"jwks.json": PRIVATE_KEY_SET}, "d is a private key", id="a private key"),
        pytest.param(
            _with("revocations_file", "/none/file"),
            {},
            "plugin_opt_revocations_file /none/file",
            id="no directory",
        ),
        pytest.param(
            _unchanged, {"revocations": "garbage\n"}, "plugin_opt_revocations_file", id="damaged sign-outs"
        ),
    ],
)
def test_start_is_refused(
    tmp_path: Path, change: Callable[[str], str], files: dict[str, str], named: str
) -> None:
    """A typo in the configuration loosens nothing: the broker ends at once and says which option it is."""
    assert named in _output_of_start(tmp_path, change, files)


def test_an_error_of_the_broker_reaches_the_caller(tmp_path: Path) -> None:
    """LocalBroker tells what the broker said when it did not start, and leaves no process."""
    jwks_file = tmp_path / "jwks.json"
    jwks_file.write_text("{}")
    broker = LocalBroker(tmp_path, jwks_file=jwks_file)

    with pytest.raises(LocalBrokerError, match="plugin_opt_jwks_file"):
        broker.start()

    assert not broker.running
