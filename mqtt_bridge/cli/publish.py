"""``kull-sync publish``: one command for each route that publishes."""

import json
from typing import Annotated, Any

import typer

from mqtt_bridge.messages import ShootStatus

from . import options
from .api import Api, ProblemError
from .errors import fail
from .options import Token, Url

publish = typer.Typer(
    no_args_is_help=True,
    help="Publish one event through the HTTP functions, as a service would, and print the answer.",
)

User = Annotated[str, typer.Option(help="Whose devices get it.", callback=options.user_id)]
Sequence = Annotated[
    int | None, typer.Option(help="Orders the updates; the functions take their clock.", show_default=False)
]
IdempotencyKey = Annotated[
    str | None,
    typer.Option(
        help="The same key and event again reach the devices once.",
        show_default=False,
        callback=options.idempotency_key,
    ),
]


@publish.command()
def shoot_progress(
    user: User,
    shoot: Annotated[str, typer.Option(help="The shoot's id.", callback=options.shoot_id)],
    processed: Annotated[int, typer.Option(help="Images done.")],
    total: Annotated[int, typer.Option(help="Images in the shoot.")],
    status: Annotated[ShootStatus, typer.Option(help="How it is going.")] = "processing",
    current_image: Annotated[
        str | None, typer.Option(help="Image being worked on.", show_default=False)
    ] = None,
    eta: Annotated[
        float | None, typer.Option(help="Seconds to go.", show_default=False, callback=options.finite)
    ] = None,
    provider: Annotated[str | None, typer.Option(help="Who culls.", show_default=False)] = None,
    error: Annotated[str | None, typer.Option(help="Why it failed.", show_default=False)] = None,
    run: Annotated[
        int | None, typer.Option(help="Counts the attempts of the shoot.", show_default=False)
    ] = None,
    sequence: Sequence = None,
    device: Annotated[
        str | None,
        typer.Option(help="The device it comes from.", show_default=False, callback=options.device_id),
    ] = None,
    idempotency_key: IdempotencyKey = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """How far a shoot is.

    **Example**

        kull-sync publish shoot-progress --user ada --shoot wedding-17 --processed 10 --total 300
    """
    _publish(
        "shoot-progress",
        {
            "userId": user,
            "deviceId": device,
            "shootId": shoot,
            "status": status,
            "processedCount": processed,
            "totalCount": total,
            "currentImage": current_image,
            "eta": eta,
            "provider": provider,
            "error": error,
            "run": run,
            "sequence": sequence,
        },
        idempotency_key,
        url,
        token,
    )


@publish.command()
def credit_update(
    user: User,
    balance: Annotated[int, typer.Option(help="Credits after the change.")],
    change: Annotated[int, typer.Option(help="Bought (positive) or spent (negative).")],
    reason: Annotated[str, typer.Option(help="As the user reads it.")],
    sequence: Sequence = None,
    idempotency_key: IdempotencyKey = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """The credit balance changed.

    **Example**

        kull-sync publish credit-update --user ada --balance 120 --change -5 --reason "Wedding culled"
    """
    _publish(
        "credit-update",
        {"userId": user, "newBalance": balance, "change": change, "reason": reason, "sequence": sequence},
        idempotency_key,
        url,
        token,
    )


@publish.command()
def prompt_change(
    action: Annotated[str, typer.Option(help="created, updated or deleted.")],
    user: Annotated[
        str | None, typer.Option(help="Whose devices get it.", show_default=False, callback=options.user_id)
    ] = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="The devices of all users get it.")] = False,
    prompt: Annotated[
        str | None, typer.Option(help="The prompt's id; without it, many changed.", show_default=False)
    ] = None,
    title: Annotated[str | None, typer.Option(help="Of the prompt.", show_default=False)] = None,
    idempotency_key: IdempotencyKey = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Prompts of the marketplace changed, for one user or for everyone.

    **Example**

        kull-sync publish prompt-change --everyone --action updated --prompt portrait-soft
    """
    if (user is None) != everyone:
        raise typer.BadParameter("Name exactly one of --user and --everyone.")
    _publish(
        "prompt-change",
        {"userId": user, "everyone": everyone or None, "action": action, "promptId": prompt, "title": title},
        idempotency_key,
        url,
        token,
    )


def _publish(
    route: str, body: dict[str, Any], idempotency_key: str | None, url: str | None, token: str | None
) -> None:
    api = Api.find(url, token, subject="kull-sync-cli", scopes=("sync:publish",))
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    try:
        answer = api.post(
            f"/api/sync/{route}", {name: value for name, value in body.items() if value is not None}, headers
        )
    except ProblemError as exc:
        fail(str(exc))
    typer.echo(json.dumps(answer))
