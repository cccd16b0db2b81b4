"""What the demo needs to know beside the settings of the functions."""

from typing import Annotated

from pydantic import Field

from mqtt_bridge.settings import EnvironmentSettings


class DemoSettings(EnvironmentSettings):
    """Settings of the demo."""

    demo_url: Annotated[str, Field(pattern=r"^http://(127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}$")]
    """Where this very process listens: the demo's worker posts there, as one in a cloud would."""
