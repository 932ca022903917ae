"""Who is at the other end: a pump, something else, nobody, or a pump at another speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from titra.errors import AtPrompt, NotAPump, PumpSilent, WrongSpeed
from titra.protocol import BadLine, Identity, Message

if TYPE_CHECKING:
    from titra.client import PumpClient

MAKER = "Titra"
PROMPT = ">>>"
IDENTIFY = b"\n*IDN?\n"
_SHOWN = 48


def identify(client: PumpClient) -> Identity:
    """Ask ``*IDN?`` up to ``timeouts.identify_tries`` times; raise the reason when no pump says
    its name."""
    heard: list[Message] = []
    _drain(client, heard)
    for _ in range(client.timeouts.identify_tries):
        client.send_raw(IDENTIFY)
        until = client.transport.clock() + client.timeouts.identify_s
        while (left := until - client.transport.clock()) > 0:
            messages = client.receive(left)
            heard += messages
            for message in messages:
                if isinstance(message, Identity) and message.maker == MAKER:
                    return message
    raise _reason(client, heard)


def _drain(client: PumpClient, heard: list[Message]) -> None:
    until = client.transport.clock() + client.timeouts.drain_s
    while client.transport.clock() < until:
        before = client.rx_bytes
        heard += client.receive(client.timeouts.quiet_s)
        if client.rx_bytes == before:
            return


def _reason(client: PumpClient, heard: list[Message]) -> Exception:
    port = client.transport.name
    partial = client.partial
    if not heard and not partial:
        return PumpSilent(
            f"{port}: opened, but nothing answered; is the pump powered and its firmware running?"
        )
    if any(not isinstance(message, BadLine | Identity) for message in heard):
        return PumpSilent(f"{port}: a pump sends reports here but does not answer *IDN?")
    text = [message.raw for message in heard]
    raw = "\n".join(text) + partial.decode("ascii", "backslashreplace")
    if _not_text(heard, partial):
        return WrongSpeed(
            f"{port}: what comes in is not text; wrong speed? See --baud, 115200 by default"
        )
    if PROMPT in raw:
        return AtPrompt(f"{port}: a MicroPython prompt ({PROMPT}) answers, no firmware runs")
    shown = next((line for line in raw.splitlines() if line.strip()), raw)[:_SHOWN]
    return NotAPump(f"{port}: something answered that is not a Titra pump: {shown!r}")


def _not_text(heard: list[Message], partial: bytes) -> bool:
    """True when a tenth or more of what came is neither printable ASCII nor white space."""
    odd = sum(message.raw.count("\\x") for message in heard)
    total = sum(len(message.raw) for message in heard) + len(partial)
    odd += sum(1 for byte in partial if byte > 126 or (byte < 32 and byte not in b"\t\r\x1b"))
    odd += sum(
        1 for message in heard for char in message.raw if ord(char) < 32 and char not in "\t\r\x1b"
    )
    return odd * 10 >= total
