"""A session answer in use: which number the next CONNECT bears, and when to ask for another answer."""

from .broker_url import BrokerUrl
from .connection import Will
from .errors import SessionUnavailableError
from .session import BirthTemplate, SessionAnswer, SessionTopics, WillTemplate
from .tokens import SESSION_STEP

RENEW_FROM = 0.7
RENEW_TO = 0.9
"""Shares of the token's life between which it is renewed, at random, so that devices do not come at once."""


class Lease:
    """A session answer and what became of it. Times are seconds of one clock that nobody can set."""

    def __init__(self, answer: SessionAnswer, *, asked_at: float, random: float) -> None:
        """``random`` is from 0 up to 1. Raises SessionUnavailableError when this is no device's answer."""
        if answer.topics is None or answer.birth is None or answer.will is None:
            raise SessionUnavailableError(
                "The session answer is for no device: topics, birth or will is null"
            )
        try:
            self._urls = [BrokerUrl.parse(url) for url in answer.urls]
        except ValueError as exc:
            raise SessionUnavailableError(f"A broker URL of the session answer {exc}") from exc
        self.answer = answer
        self.topics: SessionTopics = answer.topics
        self.birth: BirthTemplate = answer.birth
        self.will_template: WillTemplate = answer.will
        self.connects = 0
        share = RENEW_FROM + random * (RENEW_TO - RENEW_FROM)
        # Counted from before the request, so never later than the broker counts.
        self.renew_at = asked_at + share * answer.expires_in
        self._expires_at = asked_at + answer.expires_in

    def is_spent(self, now: float) -> bool:
        """Whether the broker would take no further CONNECT with this token."""
        return now >= self._expires_at or self.connects >= SESSION_STEP

    def next_session(self) -> int:
        """The number of the next CONNECT. Taken even when that fails: the broker may have seen it."""
        session = self.answer.session + self.connects
        self.connects += 1
        return session

    @property
    def url(self) -> BrokerUrl:
        """The broker to connect to."""
        return self._urls[0]

    def try_next_url(self) -> None:
        """This broker could not be reached: the next one's turn."""
        self._urls.append(self._urls.pop(0))

    def will(self, session: int) -> Will:
        """The last will of the connection with this number."""
        return Will(
            topic=self.will_template.topic,
            payload=self.will_template.message.fill(session=session).to_json(),
            delay=self.will_template.delay,
            expiry=self.will_template.expiry,
        )
