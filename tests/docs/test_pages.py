"""What the pages have their reader type, and where they send them, is there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer.main
from typer.core import TyperGroup

from mqtt_bridge.bridge_settings import BridgeSettings
from mqtt_bridge.cli.app import app
from mqtt_bridge.cli.token import SCOPES
from mqtt_bridge.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "web/README.md",
    "docs/guide.md",
    "docs/devices.md",
    "docs/bridge.md",
    "docs/decisions/hot-path.md",
    "docs/decisions/publisher.md",
    "bench/README.md",
]
OPENAPI = json.loads((ROOT / "docs/api/openapi.json").read_text())


def code(page: str) -> Iterator[str]:
    """Each code span and each command of a code block of a page; lines that go on are joined."""
    text = (ROOT / page).read_text()
    for block in re.findall(r"^ *```\w*\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE):
        yield from block.replace("\\\n", " ").splitlines()
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose))


def fault_of(words: list[str]) -> str | None:
    """What is wrong with the words after ``kull-sync``. None: there is such a command, with such options."""
    command = typer.main.get_command(app)
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        found = command.commands.get(words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    unknown = [word for word in words if word.startswith("--") and word not in known]
    return f"no option {unknown[0]}" if unknown else None


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("publish shoot-progress --user ada", None),
        ("--help", None),
        ("pubish", "no command pubish"),
        ("publish shoot-progres", "no command shoot-progres"),
        ("watch --users ada", "no option --users"),
    ],
)
def test_wrong_commands_are_found(words: str, fault: str | None) -> None:
    """The check below tells a command that exists from one that does not."""
    assert fault_of(words.split()) == fault


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page: str) -> None:
    """Each `make` verb and each `kull-sync` command, with its options, is one."""
    verbs = set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    faults = []
    for line in code(page):
        typed = line.split(" #")[0]
        made = re.findall(r"(?:^|[ ;&])make ([a-z][a-z0-9-]*)", typed)
        faults += [f"no verb {verb}: {line}" for verb in made if verb not in verbs]
        for words in re.findall(r"(?:^|[ /(])kull-sync ([a-z-][^|;)\"']*)", typed):
            if fault := fault_of(words.split()):
                faults.append(f"{fault}: {line}")
    assert faults == []


@pytest.mark.parametrize("page", PAGES)
def test_settings_and_scopes_exist(page: str) -> None:
    """Each `KULL_SYNC_…` is read by something here, and each scope opens something."""
    settings = set()
    for model in (Settings, BridgeSettings):
        settings |= {f"{PREFIX}{name.upper()}" for name in model.model_fields}
        settings |= {f"{PREFIX}{name.upper()}_FILE" for name in model.from_files}
    # Where the command finds the functions.
    settings |= {f"{PREFIX}URL"}
    text = "\n".join(code(page))
    assert set(re.findall(r"\bKULL_SYNC_[A-Z_]+\b", text)) <= settings
    assert set(re.findall(r"\bsync:[a-z]+\b", text)) <= set(SCOPES)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Each link within the repository leads to a file, and each link within the page to a heading."""
    text = (ROOT / page).read_text()
    headings = {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        if path and not (ROOT / page).parent.joinpath(path).exists():
            broken.append(target)
        if not path and anchor not in headings:
            broken.append(target)
    assert broken == []


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def requests(page: str) -> Iterator[tuple[str, str, Any]]:
    """Method, path and JSON body of each curl of a page."""
    for line in code(page):
        if line.strip().startswith("curl "):
            method = re.search(r"-X (\w+)", line)
            path = re.search(r"http://[^/\s]+(/[^\s\"'?]*)", line)
            body = re.search(r"-d '(.*)'", line)
            assert path is not None, line
            yield method[1] if method else "GET", path[1], json.loads(body[1]) if body else None


@pytest.mark.parametrize("page", ["README.md", "docs/guide.md"])
def test_requests_are_of_the_api(page: str) -> None:
    """Each curl asks a route that exists, with a body that its schema takes."""
    found = list(requests(page))
    assert found
    for method, path, body in found:
        operation = OPENAPI["paths"][path][method.lower()]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.validate(body, {**schema, "components": OPENAPI["components"]})


def test_the_guide_names_routes_that_exist() -> None:
    """Each `METHOD /api/sync/…` of the guide is an operation."""
    text = "\n".join(code("docs/guide.md"))
    named = re.findall(r"\b(GET|POST|DELETE) (/api/sync/[a-z-]+(?:/\{\w+\})?)", text)
    assert named
    for method, path in named:
        assert method.lower() in OPENAPI["paths"].get(path, {}), f"{method} {path}"
