"""Python packages of the bench alone, beside the environment, so that what is measured does not have them."""

import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements/bench.txt"
PACKAGES = ROOT / ".make/bench"
INSTALL_TIMEOUT = 300.0
"""Seconds that pip may take."""


@cache
def install() -> str | None:
    """Install them as locked, once. The reason when that cannot be done."""
    stamp = PACKAGES / ".set-up"
    if stamp.exists() and stamp.stat().st_mtime >= LOCK.stat().st_mtime:
        return None
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--upgrade", "--require-hashes", "--target", str(PACKAGES), "-r", str(LOCK)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return f"pip took over {INSTALL_TIMEOUT:.0f} s"
    if done.returncode:
        return f"pip could not install {LOCK.name}: {' '.join(done.stderr.split())[-240:]}"
    stamp.touch()
    return None


def use() -> str | None:
    """Make them importable here, behind everything else. The reason when that cannot be done."""
    if (reason := install()) is None and str(PACKAGES) not in sys.path:
        sys.path.append(str(PACKAGES))
    return reason
