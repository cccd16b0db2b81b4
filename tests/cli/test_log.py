"""The merged log of ``kull-sync dev``."""

import os
import sys
from pathlib import Path

import pytest

from mqtt_bridge.cli.log import MergedLog


def test_each_line_begins_with_its_process(capsys: pytest.CaptureFixture[str]) -> None:
    """Names are aligned, and nothing is wrapped or read as markup."""
    log = MergedLog()
    log("broker", "[bold]" + "x" * 300)
    log("functions", "ready :smile:")
    log.say("Ready.")

    assert capsys.readouterr().out == f"broker    | [bold]{'x' * 300}\nfunctions | ready :smile:\nReady.\n"


@pytest.mark.parametrize(
    "hostile",
    ["\x1b]0;title\x07", "\x1b[2J", "\x1b[31m", "\x07", "\x1bc", "\x9b2J", "\r", "\u202e"],
    ids=["title", "clear", "red", "bell", "reset", "8-bit", "carriage return", "right to left"],
)
def test_what_a_client_sent_does_not_drive_the_terminal(
    capsys: pytest.CaptureFixture[str], hostile: str
) -> None:
    """Escape sequences in a line do not reach the terminal; tabs become spaces."""
    MergedLog()("broker", f"\ta{hostile}b")
    shown = capsys.readouterr().out.removesuffix("\n")

    assert shown.startswith("broker    |         a")
    assert shown.isprintable()


def test_nobody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the reader is gone that is told once, and further lines go nowhere."""
    reader, writer = os.pipe()
    os.close(reader)
    told = []
    with os.fdopen(writer, "w", buffering=1) as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        log = MergedLog()
        log.on_lost = lambda: told.append(True)
        log.say("one")
        log.say("two")
        monkeypatch.undo()

    assert told == [True]
