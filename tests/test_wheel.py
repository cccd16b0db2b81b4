"""The wheel is the whole product: installed anywhere, `kull-sync dev` serves the demo that it carries."""

import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.devs import FREE_PORTS, Dev

ROOT = Path(__file__).parents[1]
BUILT = ROOT / "functions" / "demo_app"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it, and all that the wheel needs from the one of these tests."""
    if not (BUILT / "index.html").exists():
        pytest.fail("The demo is not built: make demo")
    directory = tmp_path_factory.mktemp("wheel")
    # All offline: the builder and the installer are those of this environment.
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory)
    (wheel,) = directory.glob("*.whl")
    environment = directory / "venv"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel)
    (packages,) = environment.glob("lib/python*/site-packages")
    # Behind its own, and without the .pth file that leads to this checkout.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return environment


@pytest.fixture(scope="module")
def dev(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """A dev out of that environment."""
    dev = Dev(tmp_path_factory.mktemp("dev"), *FREE_PORTS, command=installed / "bin" / "kull-sync")
    try:
        yield dev.wait_until_ready()
    finally:
        dev.end()
        dev.close()


def run(*command: str | Path) -> None:
    subprocess.run(command, cwd=ROOT, check=True, timeout=100, stdout=subprocess.DEVNULL)


def test_nothing_is_taken_from_the_checkout(installed: Path) -> None:
    """Else the test of the wheel would be one of the sources."""
    where = "import functions, mqtt_bridge; print(functions.__file__, mqtt_bridge.__file__)"
    found = subprocess.run(
        [installed / "bin" / "python", "-P", "-c", where],
        cwd=installed,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert all(Path(path).is_relative_to(installed) for path in found.stdout.split())


def test_the_wheel_carries_the_built_demo(installed: Path) -> None:
    """Each file of it, as it was built, and no other."""
    (packages,) = installed.glob("lib/python*/site-packages/functions/demo_app")

    assert files(packages) == files(BUILT)
    assert len(files(BUILT)) > 2


def files(directory: Path) -> dict[str, bytes]:
    """The content of every file by its path."""
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_the_installed_demo_is_served(dev: Dev) -> None:
    """The page, with every script and style that it names, and the data behind it."""
    url = dev.state["url"]
    page = httpx.get(f"{url}/")
    assets = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)

    assert page.status_code == 200
    assert assets
    for asset in assets:
        assert httpx.get(f"{url}{asset}").status_code == 200
    assert httpx.get(f"{url}/demo/api/users").status_code == 200
