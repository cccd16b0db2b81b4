"""One log of several processes on one terminal, each with its name and colour."""

import errno
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress

from rich.console import Console
from rich.text import Text

from .printable import printable
from .stdout import abandon_stdout

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue")
_WIDTH = 10


class MergedLog:
    """Prints lines, one after the other. Calls ``on_lost`` once nobody reads any more, and then is silent."""

    def __init__(self) -> None:
        self.on_lost: Callable[[], None] = lambda: None
        """Called when ``lost`` becomes true."""
        self._console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
        self._colours: dict[str, str] = {}
        self.lost = False

    def __call__(self, name: str, line: str) -> None:
        """Print a line of a process."""
        colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        self._print(Text.assemble((f"{name:<{_WIDTH}}| ", colour), printable(line)))

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line of our own."""
        self._print(Text(text, style))

    def last_lines(self, name: str, lines: Iterable[str]) -> None:
        """Show again what a process printed before it died."""
        self.say(f"The last lines of {name}:", "bold red")
        for line in lines:
            self(name, line)

    def _print(self, text: Text) -> None:
        if self.lost:
            return
        try:
            self._console.print(text)
        except (OSError, SystemExit) as exc:  # rich answers a closed pipe with SystemExit
            self.lost = True
            # A terminal that was closed (EIO) takes stderr with it.
            if isinstance(exc, OSError) and exc.errno != errno.EIO:
                with suppress(OSError):
                    sys.stderr.write(f"Error: standard output: {exc.strerror}\n")
            abandon_stdout()
            self.on_lost()
