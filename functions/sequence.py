"""The sequence of updates whose sender gave none."""

from mqtt_bridge.sequence import Clock

next_sequence = Clock().next
"""One for the whole process: updates of one shoot may come through different routes."""
