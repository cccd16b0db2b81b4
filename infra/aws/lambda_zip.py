"""Builds the zip of the functions for AWS Lambda: ``make lambda-zip``.

It holds what the handlers import and no more: modules of ours found by reading their imports, and packages as
locked in ``requirements/functions.txt`` (hash-checked wheels of Lambda's platform), without tests and stubs.
It is compiled ahead, because Lambda's file system cannot be written and every cold start would compile
everything again; as unchecked-hash files (PEP 552), because a zip loses the times that Python otherwise
compares. The same input gives the same bytes, so an upload without a change is none.
"""

import argparse
import ast
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "functions.txt"
OUTPUT = Path("build", "lambda", "functions.zip")
OURS = ("functions", "mqtt_bridge")

RUNTIME = "3.13"
# Lambda's Python 3.13 runs on Amazon Linux 2023, which has glibc 2.34. pip takes each name literally.
LAMBDA_PLATFORMS = ("manylinux_2_34_aarch64", "manylinux_2_28_aarch64", "manylinux2014_aarch64")
MAX_UNZIPPED = 250 * 1024 * 1024
"""Bytes that Lambda unpacks at most."""

UNUSED = {"pycparser"}
"""Needed by a package by its own word, and not by what we use of it: cffi parses C with it when it builds."""
DROPPED = re.compile(
    r"""(^|/)(tests?|testing|__pycache__|bin)/      # test suites and commands
      | \.(pyi|pyx|pxd|c|h|cfg|typed)$              # for type checkers and compilers
      | \.dist-info/(?!METADATA$|entry_points\.txt$|licenses/|(LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*$)
    """,
    re.VERBOSE,
)
"""Never read at run time. METADATA and entry points are (importlib.metadata); licences go along."""


class BuildError(Exception):
    """The zip cannot be built, in words for whoever typed make."""


def find_python(version: str = RUNTIME) -> Path:
    """An interpreter of this version. Raises BuildError when the machine has none."""
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"), reverse=True)
    on_path = shutil.which(f"python{version}")
    for candidate in (sys.executable, on_path, *pyenv):
        if candidate and version_of(Path(candidate)) == version:
            return Path(candidate)
    raise BuildError(
        f"Lambda's runtime is Python {version}, and only Python {version} can compile for it: none was found."
        f" Install it (pyenv install {version}, uv python install {version}, or Debian 13's python3),"
        " or name one: make lambda-zip LAMBDA_PYTHON=/path/to/python3"
    )


def version_of(python: Path) -> str | None:
    """Like ``3.13``; None when this is no released CPython."""
    code = (
        "import sys; i = sys.implementation; v = sys.version_info;"
        "print(f'{v.major}.{v.minor}' if i.name == 'cpython' and v.releaselevel == 'final' else '')"
    )
    try:
        done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def handlers(root: Path = ROOT) -> list[str]:
    """The modules of ``functions/`` that have a ``handler``."""
    found = []
    for path in sorted((root / "functions").glob("*.py")):
        for statement in ast.parse(path.read_bytes()).body:
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            if any(isinstance(target, ast.Name) and target.id == "handler" for target in targets):
                found.append(f"functions.{path.stem}")
    return found


def imports(modules: Iterable[str], root: Path = ROOT) -> tuple[set[Path], set[str]]:
    """What these modules import, and so on: files of ours, and top-level names of everybody else.

    Imports within functions count: they happen in a request. What only type checkers import does not.
    """
    files: set[Path] = set()
    foreign: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        top, _, _ = name.partition(".")
        if top not in OURS:
            foreign.add(top)
            continue
        path = _file_of(name, root)
        if path is None or path in files:
            continue
        files.add(path)
        if "." in name:
            waiting.append(name.rpartition(".")[0])
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += _imported_by(ast.parse(path.read_bytes()), package)
    return files, foreign


def _file_of(module: str, root: Path) -> Path | None:
    path = root.joinpath(*module.split("."))
    return next((each for each in (path / "__init__.py", path.with_suffix(".py")) if each.is_file()), None)


def _imported_by(tree: ast.AST, package: str) -> Iterator[str]:
    children: Iterable[ast.AST] = ast.iter_child_nodes(tree)
    if isinstance(tree, ast.If) and isinstance(tree.test, ast.Name) and tree.test.id == "TYPE_CHECKING":
        children = tree.orelse
    for node in children:
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                parents = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
                module = ".".join([*parents, *([node.module] if node.module else [])])
                yield module
                # Each name may be a module; one that is none has no file.
                yield from (f"{module}.{alias.name}" for alias in node.names)
        yield from _imported_by(node, package)


def distributions(site: Path, names: Iterable[str]) -> set[str]:
    """The distributions in ``site`` that provide these top-level names, and those that they require."""
    provides: dict[str, str] = {}
    requires: dict[str, list[str]] = {}
    for info in site.glob("*.dist-info"):
        metadata = HeaderParser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
        name = _normal(metadata["Name"])
        wanted = metadata.get_all("Requires-Dist") or []
        requires[name] = [_normal(re.split(r"[^\w.-]", each)[0]) for each in wanted if "extra ==" not in each]
        # pyjwt's extra, which is how we name it.
        requires[name] += ["cryptography"] if name == "pyjwt" else []
        for line in (info / "RECORD").read_text(encoding="utf-8").splitlines():
            provides[PurePosixPath(line.split(",")[0]).parts[0].partition(".")[0]] = name
    wanted_names = [provides[name] for name in names if name in provides]
    taken: set[str] = set()
    while wanted_names:
        name = wanted_names.pop()
        if name in requires and name not in taken | UNUSED:
            taken.add(name)
            wanted_names += requires[name]
    return taken


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def install(site: Path, *, version: str = RUNTIME, platforms: Iterable[str] = LAMBDA_PLATFORMS) -> None:
    """Put the locked packages into ``site``, hash-checked, whatever is installed here.

    ``platforms`` are tags of wheels, best first; none: this machine's. Raises BuildError.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--target", str(site), "--only-binary=:all:", "--require-hashes", "--no-deps", "--no-compile"]
    command += ["--implementation", "cp", "--python-version", version]
    command += [option for platform in platforms for option in ("--platform", platform)]
    done = subprocess.run([*command, "--requirement", LOCK], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise BuildError(f"pip could not install {LOCK.name}:\n{done.stderr.strip()}")


def _take_packages(site: Path, tree: Path, names: Iterable[str]) -> None:
    taken = distributions(site, names)
    for info in site.glob("*.dist-info"):
        metadata = HeaderParser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
        if _normal(metadata["Name"]) not in taken:
            continue
        for line in (info / "RECORD").read_text(encoding="utf-8").splitlines():
            name = line.rsplit(",", 2)[0].strip('"')
            # Commands lie outside of the packages.
            if name.startswith("..") or DROPPED.search(name):
                continue
            destination = tree / name
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(site / name, destination)


def _compile(tree: Path, python: Path) -> None:
    command: list[str | Path] = [python, "-s", "-P", "-m", "compileall", "-q"]
    command += ["--invalidation-mode", "unchecked-hash"]
    # Tracebacks name files as Lambda unpacks them, and the bytes do not depend on where this was built.
    command += ["-s", tree, "-p", "/var/task", tree]
    # A set of constants is written in the order of its hashes.
    environment = {"PYTHONHASHSEED": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, cwd=tree)
    if done.returncode:
        raise BuildError(f"The code does not compile with {python}:\n{done.stdout}{done.stderr}")


def _pack(tree: Path, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(tree.rglob("*")):
            if path.is_file():
                # 1980 is the earliest that a zip can say.
                entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), (1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                # Lambda runs as another user than who unpacked; without this nobody may read.
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, path.read_bytes())
    partial.replace(output)


def build(output: Path, site: Path, python: Path) -> int:
    """Build the zip from what ``install`` has put into ``site``.

    Returns its unpacked size in bytes; raises BuildError.
    """
    files, foreign = imports(handlers())
    with tempfile.TemporaryDirectory(prefix="kull-sync-lambda.") as scratch:
        tree = Path(scratch)
        _take_packages(site, tree, foreign)
        for path in files:
            destination = tree / path.relative_to(ROOT)
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, destination)
        shutil.copyfile(ROOT / "LICENSE", tree / "LICENSE")
        _compile(tree, python)
        unpacked = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
        if unpacked > MAX_UNZIPPED:
            raise BuildError(f"{unpacked:,} bytes unpacked; Lambda takes {MAX_UNZIPPED:,}")
        _pack(tree, output)
    return unpacked


def main() -> None:
    """Build what the command line asks for, and say how large it is."""
    parser = argparse.ArgumentParser(description="Build the zip of the functions for AWS Lambda.")
    parser.add_argument("--output", type=Path, default=ROOT / OUTPUT)
    parser.add_argument("--python", type=Path, help=f"a Python {RUNTIME}; searched for unless given")
    arguments = parser.parse_args()
    try:
        if arguments.python and (version := version_of(arguments.python)) != RUNTIME:
            found = f"is Python {version}" if version else "cannot be run"
            raise BuildError(f"{arguments.python} {found}; Lambda's runtime needs Python {RUNTIME}")
        python = arguments.python or find_python()
        with tempfile.TemporaryDirectory(prefix="kull-sync-site.") as site:
            install(Path(site))
            unpacked = build(arguments.output, Path(site), python)
    except BuildError as exc:
        sys.exit(f"Error: {exc}")
    packed = arguments.output.stat().st_size
    print(f"{arguments.output}: {packed:,} bytes, {unpacked:,} unpacked")


if __name__ == "__main__":
    main()
