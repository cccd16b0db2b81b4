"""Lets pages of listed origins call the functions and read the answers (CORS, of the Fetch standard).

The answers are those of Starlette's CORSMiddleware. That one is not used because the publish functions on AWS
Lambda do without Starlette, whose import is a large share of a cold start.
"""

from collections.abc import Collection

from .asgi import Answer, Headers, Scope, header

SAFELISTED = ("Accept", "Accept-Language", "Content-Language", "Content-Type")
"""Request headers that pages may always send."""
MAX_AGE = 600
"""Seconds that a browser remembers the answer to a preflight."""


class Cors:
    """Answers preflights, and marks every other answer for the pages of these origins."""

    def __init__(
        self,
        *,
        origins: Collection[str],
        methods: Collection[str],
        headers: Collection[str],
        exposed: Collection[str],
    ) -> None:
        """``*`` among the origins allows all of them. ``headers`` may be sent, ``exposed`` ones be read."""
        self._any_origin = "*" in origins
        self._origins = frozenset(origin.encode() for origin in origins)
        self._methods = frozenset(method.encode() for method in methods)
        allowed = sorted({*SAFELISTED, *headers})
        self._headers = frozenset(name.lower().encode() for name in allowed)
        self._allowed: Headers = [
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-max-age", b"%d" % MAX_AGE),
            (b"access-control-allow-headers", ", ".join(allowed).encode()),
        ]
        self._exposed = (b"access-control-expose-headers", ", ".join(exposed).encode())

    def preflight(self, scope: Scope, origin: bytes) -> Answer | None:
        """The answer to a page of this origin that asks what it may send; None: it asks something else."""
        method = header(scope, b"access-control-request-method") if scope["method"] == "OPTIONS" else None
        return None if method is None else self._preflight(scope, origin, method)

    def _preflight(self, scope: Scope, origin: bytes, method: bytes) -> Answer:
        asked = header(scope, b"access-control-request-headers")
        faults = []
        if not (allowed := self._allowed_origin(origin)):
            faults.append("origin")
        if method not in self._methods:
            faults.append("method")
        if asked is not None and not self._headers.issuperset(
            name.strip() for name in asked.lower().split(b",")
        ):
            faults.append("headers")
        if header(scope, b"access-control-request-private-network") is not None:
            faults.append("private-network")
        text = f"Disallowed CORS {', '.join(faults)}" if faults else "OK"
        answer = Answer(400 if faults else 200, text.encode(), "text/plain; charset=utf-8")
        answer.headers[:0] = [_PREFLIGHT_VARIES, *self._allowed, *allowed]
        return answer

    def mark(self, headers: Headers, origin: bytes | None) -> None:
        """Add to the headers of an answer to a request from this origin; None: it named none."""
        if origin is not None:
            headers += [self._exposed, *self._allowed_origin(origin)]
        # Also without an origin: a cache must not hand this answer to a page.
        varies = [value for name, value in headers if name == b"vary"]
        headers[:] = [each for each in headers if each[0] != b"vary"]
        headers.append((b"vary", b", ".join([*varies, b"Origin"])))

    def _allowed_origin(self, origin: bytes) -> Headers:
        if self._any_origin:
            return [(b"access-control-allow-origin", b"*")]
        return [(b"access-control-allow-origin", origin)] if origin in self._origins else []


_PREFLIGHT_VARIES = (
    b"vary",
    b", ".join(
        [
            b"Origin",
            b"Access-Control-Request-Method",
            b"Access-Control-Request-Headers",
            b"Access-Control-Request-Private-Network",
        ]
    ),
)
