"""POST /api/sync/batch: up to 100 updates in one request, in order, each with an answer of its own."""

from functools import partial
from typing import Annotated, Any, Final, Literal, cast

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from mqtt_bridge.errors import PublishError
from mqtt_bridge.messages import Absent, MessageId, WireModel
from mqtt_bridge.timing import seconds

from .aws import lambda_handler
from .bodies import ONE_ADDRESSEE, CreditUpdateBody, PromptChangeBody, ShootProgressBody, strict
from .edge import alone
from .endpoint import posted
from .environment import FromEnvironment
from .errors import as_problem, invalid
from .outbox import Outbox
from .problems import Problem, ProblemError, not_tried

MAX_ITEMS: Final = 100
SECONDS: Final = 10
"""Items whose turn comes later are not tried: gateways give up on a request after some 30 s."""


class ShootProgressItem(ShootProgressBody):
    """As posted to shoot-progress."""

    model_config = strict()

    type: Literal["SHOOT_PROGRESS"]


class CreditUpdateItem(CreditUpdateBody):
    """As posted to credit-update."""

    model_config = strict()

    type: Literal["CREDIT_UPDATE"]


class PromptChangeItem(PromptChangeBody):
    """As posted to prompt-change."""

    model_config = strict(schema=ONE_ADDRESSEE)

    type: Literal["PROMPT_CHANGE"]


Item = Annotated[ShootProgressItem | CreditUpdateItem | PromptChangeItem, Field(discriminator="type")]


def _or_refusal(item: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """The item, or what is wrong with it: one bad item must not spoil the others."""
    try:
        return validate(item)
    except ValidationError as exc:
        return invalid(exc.errors(include_url=False, include_input=False))


class BatchBody(WireModel):
    """Updates to publish in this order."""

    model_config = strict(
        {
            "items": [
                {
                    "type": "SHOOT_PROGRESS",
                    "userId": "ada",
                    "shootId": "wedding-17",
                    "status": "completed",
                    "processedCount": 3000,
                    "totalCount": 3000,
                },
                {
                    "type": "CREDIT_UPDATE",
                    "userId": "ada",
                    "newBalance": 900,
                    "change": -300,
                    "reason": "wedding-17",
                    "sequence": 43,
                },
            ]
        }
    )

    items: Annotated[
        list[Annotated[Item, WrapValidator(_or_refusal)]], Field(min_length=1, max_length=MAX_ITEMS)
    ]


class ItemAnswer(WireModel):
    """What became of one item."""

    status: int
    """As the status of its own route would be: 202, or that of the problem."""
    id: MessageId | None = Absent
    """With 202: names the event."""
    listeners: Literal["none", "some"] | None = Absent
    """With 202: ``none`` when not even a sleeping device of the user would get it."""
    problem: Problem | None = Absent
    """Without 202: why not."""


class BatchAnswer(WireModel):
    """What became of each item, in their order."""

    items: list[ItemAnswer]


@posted("/api/sync/batch", status=200)
async def batch(updates: BatchBody, outbox: Outbox) -> BatchAnswer:
    """Publish up to 100 updates in their order, and learn what became of each.

    Each item is validated and authorised by itself, and answered as its own route would. Once the broker does
    not acknowledge, the rest is not tried and is answered 503. With an `Idempotency-Key` a retry of the whole
    body is safe: each item's event id comes from the key, its place and its content.
    """
    items = cast("list[Item | ProblemError]", updates.items)
    return BatchAnswer(items=await _publish(items, outbox))


async def _publish(items: list[Item | ProblemError], outbox: Outbox) -> list[ItemAnswer]:
    answers: list[ItemAnswer] = []
    until = seconds() + SECONDS
    for index, item in enumerate(items):
        try:
            if isinstance(item, ProblemError):
                raise item
            item.authorise(outbox.caller)
            if seconds() > until:
                raise not_tried()
            accepted = await outbox.publish(item, index=index)
            answers.append(ItemAnswer(status=202, id=accepted.id, listeners=accepted.listeners))
        except Exception as exc:
            if isinstance(exc, PublishError) and exc.retryable:
                # Each of the others would wait as long, and would be published behind one that is lost.
                until = float("-inf")
            problem = as_problem(exc).problem
            answers.append(ItemAnswer(status=problem.status, problem=problem))
    return answers


handler = lambda_handler(FromEnvironment(partial(alone, batch)))
