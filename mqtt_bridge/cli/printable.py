"""What others wrote, made fit for a terminal."""


def printable(text: str) -> str:
    """The text without control characters: it must not break its line, and not drive the terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text.expandtabs()
    )
