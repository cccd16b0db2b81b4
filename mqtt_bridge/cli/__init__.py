"""The command ``kull-sync``. One file per command."""

import signal
import sys

from mqtt_bridge.errors import BridgeError

from .stdout import CANNOT_WRITE, abandon_stdout, open_closed_stdout


def main() -> None:
    """Run the command named on the command line."""
    try:
        open_closed_stdout()
        _refuse_what_is_no_text(sys.argv[1:])
        _run()
    except KeyboardInterrupt:
        # Before a command has its own way to end, and while its modules are still read.
        sys.exit(128 + signal.SIGINT)


def _run() -> None:
    try:
        from .app import app
    except ModuleNotFoundError as exc:
        if exc.name not in ("httpx", "rich", "typer"):
            raise
        sys.exit(f"kull-sync needs {exc.name}: pip install 'kull-sync[cli]'")
    try:
        app()
    except BridgeError as exc:
        sys.exit(f"Error: {exc}")
    except OSError as exc:
        where = exc.filename
        if where is None and exc.errno in CANNOT_WRITE:
            where = "standard output"
            abandon_stdout()
        sys.exit(f"Error: {where}: {exc.strerror}" if where else f"Error: {exc}")


def _refuse_what_is_no_text(arguments: list[str]) -> None:
    """Bytes that are not UTF-8 come as lone surrogates, which neither JSON nor a terminal can carry."""
    for index, argument in enumerate(arguments):
        try:
            argument.encode()
        except UnicodeEncodeError:
            before = [*arguments[:index], argument.partition("=")[0]]
            options = [each for each in before[-2:] if each.startswith("--") and each.isascii()]
            where = options[-1] if options else f"argument {index + 1}"
            sys.stderr.write(f"Error: {where}: is not UTF-8\n")
            sys.exit(2)
