"""What a run had delivered, as kept in flash: two slots written in turn, each with number and CRC.

A slot is one line of text:

    7 boot=12 plan=5D0A93C1 state=infusing steps=126058 of=252117*1C2D3E4F

The number counts writes and decides which slot is the newer; a slot that a power cut has spoilt
fails its CRC-32 and the other one, one write older, holds.
"""

from pump.core.crc import crc32

SLOTS = 2


class Entry:
    """A run: number of the boot (>= 1), plan hash, state, steps measured and steps planned."""

    def __init__(self, boot: int, plan: str, state: str, steps: int, of: int) -> None:
        self.boot = boot
        self.plan = plan
        self.state = state
        self.steps = steps
        self.of = of


def pack(number: int, entry: Entry) -> bytes:
    """Return the slot's content; ``number`` >= 1."""
    text = "%d boot=%d plan=%s state=%s steps=%d of=%d" % (
        number,
        entry.boot,
        entry.plan,
        entry.state,
        entry.steps,
        entry.of,
    )
    return ("%s*%08X" % (text, crc32(text.encode()))).encode()


def unpack(data: bytes) -> tuple:
    """Return (number, Entry), or (0, None) when the slot is empty or spoilt."""
    text, star, check = data.partition(b"*")
    if not star or check != ("%08X" % crc32(text)).encode():
        return 0, None
    words = text.decode().split(" ")
    if len(words) != 6:
        return 0, None
    values = [word.split("=")[1] for word in words[1:]]
    steps, of = int(values[3]), int(values[4])
    return int(words[0]), Entry(int(values[0]), values[1], values[2], steps, of)


def newest(slots: list[bytes]) -> tuple:
    """Return (number, Entry) of the newest whole slot, or (0, None)."""
    best = (0, None)
    for data in slots:
        found = unpack(data)
        if found[0] > best[0]:
            best = found
    return best
