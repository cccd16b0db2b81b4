"""docs/deploy.md, as its reader pastes it."""

import re
from collections.abc import Iterator

from infra.aws.lambda_zip import ROOT

PAGE = (ROOT / "docs" / "deploy.md").read_text()
COMPOSE = (ROOT / "infra" / "compose.yaml").read_text()


def blocks() -> Iterator[str]:
    yield from re.findall(r"^```\w*\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    yield from re.findall(r"(?:^    \S.*\n)+", PAGE, re.MULTILINE)


def test_the_environment_file_can_be_pasted() -> None:
    """Whatever follows the value in its line is part of it."""
    [block] = [text for text in blocks() if re.match(r"(#|KULL_SYNC_\w+=)", text.strip())]
    settings = [line.strip() for line in block.splitlines() if not line.strip().startswith("#")]

    assert settings
    for line in settings:
        name, _, value = line.partition("=")
        assert re.fullmatch(r"\S+", value), line
        assert f"${{{name}:-" in COMPOSE, name


def test_no_command_leaves_a_secret_for_others_to_read() -> None:
    """Neither in a file that the usual umask makes readable for all, nor among the words of a process."""
    for block in blocks():
        assert "/tmp/" not in block or "secret" not in block
        for secret in ("service-token", "auth-secret", "signing-key.pem"):
            assert not re.search(rf"\$\([^)]*{secret}", block), block
            if "> keys/" in block:
                assert "umask 077" in block


def test_python_commands_come_after_the_environment() -> None:
    """.venv is there only once make was asked for it."""
    first = PAGE.index(".venv/bin/")

    assert "make environment" in PAGE[:first]
