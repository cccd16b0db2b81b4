"""What was seen of late: bounded memory for ids and for the newest value of a thing."""

from collections import OrderedDict
from typing import Generic, TypeVar

LIMIT = 4096

_V = TypeVar("_V")


class Recent(Generic[_V]):
    """The values of the ``limit`` keys that were used last."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._values: OrderedDict[str, _V] = OrderedDict()

    def get(self, key: str) -> _V | None:
        """The value of a key, which stays longer for being asked for."""
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: str, value: _V) -> None:
        """Remember a value; the key that was used longest ago may be forgotten."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._limit:
            self._values.popitem(last=False)

    def discard(self, key: str) -> None:
        """Forget a key, known or not."""
        self._values.pop(key, None)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)


class SeenIds:
    """The message ids that were seen last. A broker may deliver again, and so may who publishes."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._ids: Recent[bool] = Recent(limit)

    def is_new(self, message_id: str) -> bool:
        """Whether the id was not seen before. From now on it was."""
        if self._ids.get(message_id):
            return False
        self._ids.put(message_id, True)
        return True
