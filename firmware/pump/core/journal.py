"""What a run had delivered, as kept in flash: two slots written in turn, each with number and CRC.

A slot is one line of text:

    7 boot=12 plan=5D0A93C1 state=infusing steps=126058 of=252117 step=138823718fl*1C2D3E4F

The number counts writes and decides which slot is the newer; a slot that a power cut has spoilt
fails its CRC-32 and the other one, one write older, holds.
"""

from binascii import crc32

SLOTS = 2


class Entry:
    """A run: number of the boot (>= 1), plan hash, state, steps measured and steps planned, and
    the volume of a step in femtolitres (10^-6 nL), rounded."""

    def __init__(
        self, boot: int, plan: str, state: str, steps: int, of: int, step_fl: int
    ) -> None:
        self.boot = boot
        self.plan = plan
        self.state = state
        self.steps = steps
        self.of = of
        self.step_fl = step_fl


def pack(number: int, entry: Entry) -> bytes:
    """Return the slot's content; ``number`` >= 1."""
    text = "%d boot=%d plan=%s state=%s steps=%d of=%d step=%dfl" % (
        number,
        entry.boot,
        entry.plan,
        entry.state,
        entry.steps,
        entry.of,
        entry.step_fl,
    )
    return ("%s*%08X" % (text, crc32(text.encode()))).encode()


def unpack(data: bytes) -> tuple:
    """Return (number, Entry), or (0, None) when the slot is empty or spoilt."""
    text, star, check = data.partition(b"*")
    if not star or check != ("%08X" % crc32(text)).encode():
        return 0, None
    words = text.decode().split(" ")
    if len(words) != 7:
        return 0, None
    values = [word.split("=")[1] for word in words[1:]]
    steps, of, step_fl = int(values[3]), int(values[4]), int(values[5][:-2])
    return int(words[0]), Entry(int(values[0]), values[1], values[2], steps, of, step_fl)


def newest(slots: list[bytes]) -> tuple:
    """Return (number, Entry) of the newest whole slot, or (0, None)."""
    best = (0, None)
    for data in slots:
        found = unpack(data)
        if found[0] > best[0]:
            best = found
    return best
