"""The zip for AWS Lambda: what is in it, and that it answers by itself."""

import importlib.util
import json
import re
import struct
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra.aws import lambda_zip
from infra.aws.lambda_zip import ROOT, RUNTIME, BuildError
from tests.functions.callers import AUDIENCE, CREDITS, DEVICE, ISSUER, SECRET, service, user
from tests.functions.conftest import SIGNING_KEY

MAGIC_OF_3_13 = 3571
UNCHECKED_HASH = 0b01
ELF_AARCH64 = 183


@pytest.fixture(scope="module")
def runtime_python() -> Path:
    try:
        return lambda_zip.find_python()
    except BuildError as exc:
        pytest.skip(str(exc))


@pytest.fixture(scope="module")
def lambda_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    lambda_zip.install(site)
    return site


@pytest.fixture(scope="module")
def built(
    lambda_site: Path, runtime_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> zipfile.ZipFile:
    path = tmp_path_factory.mktemp("zip") / "functions.zip"
    lambda_zip.build(path, lambda_site, runtime_python)
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same zip for this machine and this Python, from the packages of our environment, unpacked."""
    tree = tmp_path_factory.mktemp("task")
    lambda_zip.build(tree / "functions.zip", Path(sysconfig.get_path("platlib")), Path(sys.executable))
    with zipfile.ZipFile(tree / "functions.zip") as archive:
        archive.extractall(tree)
    return tree


def test_every_file_is_compiled_for_the_runtime(built: zipfile.ZipFile) -> None:
    """Python loads each without a look at its source: a zip has lost the times to compare."""
    sources = {name for name in built.namelist() if name.endswith(".py")}
    for source in sources:
        path, _, stem = source.removesuffix(".py").rpartition("/")
        compiled = built.read(f"{path}/__pycache__/{stem}.cpython-313.pyc".lstrip("/"))
        magic, end, flags = struct.unpack_from("<H2sI", compiled)
        assert (magic, end, flags) == (MAGIC_OF_3_13, b"\r\n", UNCHECKED_HASH), source
    assert sources


def test_native_code_is_for_arm64(built: zipfile.ZipFile) -> None:
    """The template says arm64; a library of another processor would fail at import."""
    libraries = [name for name in built.namelist() if name.endswith(".so")]
    for name in libraries:
        assert struct.unpack_from("<H", built.read(name), 18) == (ELF_AARCH64,), name
    assert any(name.startswith("cryptography/") for name in libraries)


def test_only_what_is_used_travels(built: zipfile.ZipFile) -> None:
    """Each further file is one to load and one to patch."""
    names = built.namelist()
    for unwanted in (
        "boto",
        "mqtt_bridge/cli",
        "functions/demo",
        "mqtt_bridge/client.py",
        "uvicorn",
        "typer",
    ):
        assert not [name for name in names if name.startswith(unwanted)], unwanted
    assert not [name for name in names if re.search(r"(^|/)(tests?|bin)/|\.pyi$|RECORD$", name)]
    assert "LICENSE" in names
    assert [name for name in names if re.match(r"pydantic-.*/licenses/", name)]


def test_the_same_input_gives_the_same_bytes(
    built: zipfile.ZipFile, lambda_site: Path, runtime_python: Path, tmp_path: Path
) -> None:
    """Then a deployment that changes nothing uploads nothing, and anyone can check what runs."""
    again = tmp_path / "functions.zip"
    lambda_zip.build(again, lambda_site, runtime_python)

    assert built.filename
    assert again.read_bytes() == Path(built.filename).read_bytes()


RUN = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
class context:
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    function_name = "f"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:f"
    log_group_name = log_stream_name = "f"
    get_remaining_time_in_millis = staticmethod(lambda: 10000)
answers = {}
for name, event in json.load(sys.stdin).items():
    answers[name] = importlib.import_module("functions." + name).handler(event, context)
files = [getattr(module, "__file__", None) or "" for module in sys.modules.values()]
print(json.dumps({"answers": answers, "foreign": [file for file in files if "site-packages" in file]}))
"""


def event(
    method: str, path: str, headers: dict[str, str], body: Any = None, query: str = ""
) -> dict[str, Any]:
    """An event of an HTTP API, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/json", "host": "api.example", **headers},
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "stage": "$default",
            "routeKey": f"{method} {path}",
        },
        "isBase64Encoded": False,
        **({} if body is None else {"body": json.dumps(body)}),
    }


# There is no broker: what needs one is 503, and that answer has come all the way too.
INVOCATIONS: dict[str, tuple[dict[str, Any], int]] = {
    "session": (event("POST", "/api/sync/session", user(), DEVICE), 200),
    "credit_update": (event("POST", "/api/sync/credit-update", service("sync:publish"), CREDITS), 503),
    "shoot_progress": (event("POST", "/api/sync/shoot-progress", {}, {}), 401),
    "prompt_change": (event("POST", "/api/sync/prompt-change", service("sync:publish"), {}), 422),
    "batch": (event("POST", "/api/sync/batch", user(), {"items": []}), 422),
    "devices": (event("GET", "/api/sync/devices", user(), query="userId=ada"), 503),
    "sign_out": (event("DELETE", "/api/sync/devices/mac-1", user(), query="userId=ada"), 503),
    "erase_user": (event("DELETE", "/api/sync/users/ada", service("sync:erase")), 503),
    "status": (event("GET", "/api/sync/status", {}), 503),
    "app": (event("POST", "/api/sync/session", user(), DEVICE), 200),
}


@pytest.fixture(scope="module")
def answers(unpacked: Path) -> dict[str, Any]:
    """What the handlers answered in a process that can find no other package."""
    done = subprocess.run(
        # -S: no site-packages.
        [sys.executable, "-I", "-S", "-B", "-c", RUN, unpacked],
        input=json.dumps({name: given for name, (given, _) in INVOCATIONS.items()}),
        env={
            "KULL_SYNC_BROKER_URL": "mqtt://127.0.0.1:1",
            "KULL_SYNC_PUBLIC_BROKER_URLS": "wss://broker.example/mqtt",
            "KULL_SYNC_SIGNING_KEY": SIGNING_KEY.to_pem(),
            "KULL_SYNC_AUTH_ISSUER": ISSUER,
            "KULL_SYNC_AUTH_AUDIENCE": AUDIENCE,
            "KULL_SYNC_AUTH_ALGORITHMS": "HS256",
            "KULL_SYNC_AUTH_SECRET": SECRET,
        },
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert result["foreign"] == []
    return dict(result["answers"])


@pytest.mark.parametrize("name", INVOCATIONS)
def test_each_handler_answers_from_the_zip_alone(answers: dict[str, Any], name: str) -> None:
    """Nothing that is needed was left out."""
    assert answers[name]["statusCode"] == INVOCATIONS[name][1], answers[name]
    assert json.loads(answers[name]["body"])


def test_every_handler_is_tried() -> None:
    """A new function joins the table above, or this fails."""
    assert {f"functions.{name}" for name in INVOCATIONS} == set(lambda_zip.handlers())


def test_another_python_is_refused(tmp_path: Path) -> None:
    """Its bytecode would be ignored without a word, and every cold start compile everything."""
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho 3.12\n")
    old.chmod(0o755)
    output = tmp_path / "functions.zip"
    for python, fault in ((old, "is Python 3.12"), (tmp_path / "none", "cannot be run")):
        done = subprocess.run(
            [sys.executable, ROOT / "infra/aws/lambda_zip.py", "--python", python, "--output", output],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        assert f"{python} {fault}; Lambda's runtime needs Python {RUNTIME}" in done.stderr
    assert not output.exists()


def test_a_machine_without_the_runtime_is_told_how_to_get_it() -> None:
    """Instead of a zip that starts slowly."""
    with pytest.raises(BuildError, match=r"only Python 2\.1 can compile.*LAMBDA_PYTHON="):
        lambda_zip.find_python("2.1")


def test_a_changed_package_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What does not have its locked hash does not reach production."""
    lock = tmp_path / "functions.txt"
    lock.write_text(f"annotated-doc==0.0.4 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(lambda_zip, "LOCK", lock)
    with pytest.raises(BuildError, match="hash"):
        lambda_zip.install(tmp_path / "site")


FILES = {
    "functions/__init__.py": "",
    "functions/one.py": "import os\nfrom typing import TYPE_CHECKING\nfrom . import two\n"
    "if TYPE_CHECKING:\n    from . import never\nelse:\n    import colour\n",
    "functions/two.py": "def later():\n    from mqtt_bridge.deep import three\n    import yaml.nodes\n",
    "functions/never.py": "",
    "functions/left_out.py": "handler = 1\n",
    "mqtt_bridge/__init__.py": "",
    "mqtt_bridge/deep/__init__.py": "from ..flat import name\n",
    "mqtt_bridge/deep/three.py": "from . import __doc__\n",
    "mqtt_bridge/flat.py": "name = 1\n",
}


def test_imports_are_followed_wherever_they_stand(tmp_path: Path) -> None:
    """Also those within functions, which a look at what is loaded would miss; not those for type checkers."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    files, foreign = lambda_zip.imports(["functions.one"], tmp_path)

    assert {str(path.relative_to(tmp_path)) for path in files} == set(FILES) - {
        "functions/never.py",
        "functions/left_out.py",
    }
    assert {"os", "yaml", "colour"} <= {name.partition(".")[0] for name in foreign}
    assert lambda_zip.handlers(tmp_path) == ["functions.left_out"]


def test_the_magic_number_is_this_pythons(runtime_python: Path) -> None:
    """The number that the tests look for is the one that the runtime writes."""
    code = "import importlib.util; print(int.from_bytes(importlib.util.MAGIC_NUMBER[:2], 'little'))"
    done = subprocess.run([runtime_python, "-I", "-c", code], capture_output=True, text=True, timeout=30)

    assert int(done.stdout) == MAGIC_OF_3_13
    assert importlib.util.MAGIC_NUMBER.endswith(b"\r\n")
