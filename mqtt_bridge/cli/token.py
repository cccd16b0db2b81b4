"""``kull-sync token``: an app token for the HTTP functions, as the app's own login would issue it."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

import jwt
import typer

from .errors import fail
from .running import running_devs

SCOPES = ("sync:publish", "sync:session", "sync:bridge", "sync:operator", "sync:devices", "sync:erase")
ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class AppAuth:
    """The secret that the functions share with the app's login, and the names in its tokens."""

    issuer: str
    audience: str
    secret: str = field(repr=False)

    @classmethod
    def from_environment(cls) -> Self | None:
        """As the functions read it, or None when there is no secret."""
        secret = os.environ.get("KULL_SYNC_AUTH_SECRET")
        if path := os.environ.get("KULL_SYNC_AUTH_SECRET_FILE"):
            try:
                secret = Path(path).read_text().strip()
            except (OSError, UnicodeDecodeError) as exc:
                fail(f"KULL_SYNC_AUTH_SECRET_FILE cannot be read: {type(exc).__name__}")
        if not secret:
            return None
        issuer, audience = (os.environ.get(f"KULL_SYNC_AUTH_{name}") for name in ("ISSUER", "AUDIENCE"))
        if not issuer or not audience:
            fail("With KULL_SYNC_AUTH_SECRET, KULL_SYNC_AUTH_ISSUER and KULL_SYNC_AUTH_AUDIENCE must be set.")
        return cls(issuer, audience, secret)

    def mint(self, subject: str, *, scopes: tuple[str, ...] = (), lifetime: int = 3600) -> str:
        """A token for a user, or with scopes for a service. ``lifetime`` is in seconds."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.audience, "sub": subject, "iat": now, "exp": now + lifetime}
        if scopes:
            claims["scope"] = " ".join(scopes)
        return jwt.encode(claims, self.secret, algorithm=ALGORITHM)


def find_auth(url: str | None = None) -> AppAuth | None:
    """From the environment, else from the ``kull-sync dev`` that answers at ``url``, or the latest one."""
    if auth := AppAuth.from_environment():
        return auth
    for dev in running_devs():
        if url in (None, dev.url):
            return AppAuth(dev.auth_issuer, dev.auth_audience, dev.auth_secret)
    return None


def token(
    user: Annotated[str | None, typer.Option(help="For this user.", show_default=False)] = None,
    service: Annotated[
        str | None, typer.Option(help="For a service of this name.", show_default=False)
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help=f"What the service may do; can be repeated. One of {', '.join(SCOPES)}.",
            show_default=SCOPES[0],
        ),
    ] = None,
    lifetime: Annotated[int, typer.Option(min=1, help="Seconds.")] = 3600,
) -> None:
    """Print an app token for the HTTP functions, and nothing else.

    It is signed (HS256) with the secret of the running `kull-sync dev`, or with KULL_SYNC_AUTH_SECRET.

    **Examples**

        kull-sync token --user ada
        kull-sync token --service worker --scope sync:publish --scope sync:session
    """
    if (user is None) == (service is None):
        raise typer.BadParameter("Name exactly one of --user and --service.")
    if user is not None and scope:
        raise typer.BadParameter("--scope goes with --service: users have no scopes.")
    for name in scope or ():
        if name not in SCOPES:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(SCOPES)}.", param_hint="--scope")
    auth = find_auth()
    if auth is None:
        fail("There is no secret to sign with: start `kull-sync dev`, or set KULL_SYNC_AUTH_SECRET.")
    scopes = tuple(scope or SCOPES[:1]) if service else ()
    typer.echo(auth.mint(user or service or "", scopes=scopes, lifetime=lifetime))
