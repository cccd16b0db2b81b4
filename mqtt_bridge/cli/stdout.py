"""Standard output that is closed, full or no longer read: a sentence instead of a traceback."""

import errno
import os
import sys

CANNOT_WRITE = frozenset({errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC})
"""What a write to it fails with. An error of a named file bears that name too."""


def open_closed_stdout() -> None:
    """Give a process that was started without a standard output (``>&-``) one that refuses to be written to.

    Python leaves None there, which some writers take for success and others cannot handle. It also keeps
    the descriptor from being given to a socket.
    """
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")


def abandon_stdout() -> None:
    """Write nothing more: else the interpreter fails once more when it flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
