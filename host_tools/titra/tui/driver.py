"""The stop key, acted upon in the thread that reads the keyboard.

The screen's own loop may be busy drawing, or hold a dialog open; a stop does not wait for it. The
key still goes on to the screen afterwards, which shows what became of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textual import events
from textual.driver import Driver
from textual.message import Message


def acting_first(base: type[Driver], actions: Mapping[str, Callable[[], None]]) -> type[Driver]:
    """A driver like ``base`` that calls ``actions[key]`` as soon as the key has been read."""

    class ActingFirst(base):  # type: ignore[misc, valid-type]
        def process_message(self, message: Message) -> None:
            if isinstance(message, events.Key) and message.key in actions:
                actions[message.key]()
            process: Any = super().process_message
            process(message)

    return ActingFirst
