"""``kull-sync token``: an app token for the HTTP functions, as the app's own login would issue it."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

import jwt
import typer

from .errors import fail
from .options import Url, user_id
from .running import running_devs
from .which_dev import latest_dev

SCOPES = ("sync:publish", "sync:session", "sync:bridge", "sync:operator", "sync:devices", "sync:erase")
ALGORITHM = "HS256"
MAX_LIFETIME = 366 * 24 * 3600
"""Seconds."""


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


def find_auth(url: str) -> AppAuth | None:
    """From the environment, else from the ``kull-sync dev`` that answers at ``url``."""
    if auth := AppAuth.from_environment():
        return auth
    for dev in running_devs():
        if dev.url == url:
            return AppAuth(dev.auth_issuer, dev.auth_audience, dev.auth_secret)
    return None


def _find_auth_anywhere(url: str | None) -> AppAuth:
    """As ``find_auth``, without a URL from the latest ``dev``. Ends the command when there is nothing."""
    if url is not None:
        auth = find_auth(url.rstrip("/"))
        if auth is None:
            fail(f"No `kull-sync dev` runs at {url}, and KULL_SYNC_AUTH_SECRET is not set.")
        return auth
    if auth := AppAuth.from_environment():
        return auth
    dev = latest_dev("this token is for")
    if dev is None:
        fail("There is no secret to sign with: start `kull-sync dev`, or set KULL_SYNC_AUTH_SECRET.")
    return AppAuth(dev.auth_issuer, dev.auth_audience, dev.auth_secret)


def token(
    user: Annotated[
        str | None, typer.Option(help="For this user.", show_default=False, callback=user_id)
    ] = None,
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
    lifetime: Annotated[int, typer.Option(min=1, max=MAX_LIFETIME, help="Seconds.")] = 3600,
    url: Url = None,
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
    if service is not None and not (service.isprintable() and service.strip()):
        raise typer.BadParameter("must be a name of printable characters", param_hint="--service")
    auth = _find_auth_anywhere(url)
    scopes = tuple(scope or SCOPES[:1]) if service else ()
    typer.echo(auth.mint(user or service or "", scopes=scopes, lifetime=lifetime))
