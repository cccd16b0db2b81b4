"""Handlers of one function, as they are deployed: ours, the plain ones in Python, those in Node."""

import compileall
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode

from bench.processes import BenchError
from infra.aws import lambda_zip

from . import node_servers

HANDLERS = Path(__file__).parent / "handlers"


@dataclass(frozen=True, slots=True)
class ColdHandler:
    """What to start, and what it finds in its environment beside the settings that all get."""

    name: str
    title: str
    command: list[str]
    environment: dict[str, str]


def python_handlers(directory: Path) -> list[ColdHandler]:
    """Ours from the zip, unpacked; the plain one with and without compiled files.

    Raises BenchError when the packages cannot be had.
    """
    site = directory / "site"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    try:
        lambda_zip.install(site, version=version, platforms=())
        lambda_zip.build(directory / "functions.zip", site, Path(sys.executable))
    except lambda_zip.BuildError as exc:
        raise BenchError(str(exc)) from exc
    ours = directory / "ours"
    with zipfile.ZipFile(directory / "functions.zip") as archive:
        archive.extractall(ours)
    shutil.copy(HANDLERS / "start.py", ours)

    plain = directory / "plain"
    shutil.copytree(site, plain, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("start.py", "plain.py"):
        shutil.copy(HANDLERS / name, plain)
    compiled = directory / "compiled"
    shutil.copytree(plain, compiled)
    compileall.compile_dir(compiled, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    return [
        _python("ours", "kull-sync", ours, "functions.shoot_progress"),
        _python("plain", "FastAPI + Mangum + aiomqtt, not compiled", plain, "plain"),
        _python("plain-compiled", "FastAPI + Mangum + aiomqtt, compiled", compiled, "plain"),
    ]


def _python(name: str, title: str, tree: Path, module: str) -> ColdHandler:
    # -S and -E: the environment's packages must not be found; -B: Lambda's file system cannot be written.
    start = f"import sys; sys.path.insert(0, {str(tree)!r}); sys.argv = ['start', {module!r}];"
    start += f"exec(compile(open({str(tree / 'start.py')!r}).read(), 'start.py', 'exec'))"
    return ColdHandler(name, title, [sys.executable, "-B", "-E", "-S", "-c", start], {})


def node_handlers(directory: Path) -> list[ColdHandler]:
    """The handler with its packages beside it, and bundled into one file. Raises BenchError."""
    if reason := node_servers.install():
        raise BenchError(reason)
    program = node_servers.node()
    assert program
    bundle = directory / "bundle.mjs"
    rolldown = node_servers.SOURCES / "node_modules/rolldown/bin/cli.mjs"
    done = subprocess.run(
        [
            program,
            rolldown,
            "start.js",
            "--format",
            "esm",
            "--platform",
            "node",
            "--minify",
            "--file",
            bundle,
        ],
        cwd=node_servers.SOURCES,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"rolldown failed: {done.stderr.strip()}")
    start = str(node_servers.SOURCES / "start.js")
    return [
        ColdHandler("node", "Node + mqtt.js", [str(program), start], {}),
        ColdHandler("node-bundled", "Node + mqtt.js, bundled", [str(program), str(bundle)], {}),
    ]
