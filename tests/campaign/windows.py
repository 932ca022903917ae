"""When the motor of a campaign run may move.

A window (after, upto), in cycles, runs from the request that began motion to the event that ended
it, the press of the button, or the reset, whichever is first. No step may come outside of them.
"""

CHANGE = "change"
STOP_CYCLES = 5  # STOP-02
SEEN_CYCLES = 5  # an opening as long as this is seen by the hardware
CLOSES = ("paused", "halted", "stopped", "fault", "complete", "primed")


def closes(line) -> bool:
    """True for an event after which nothing moves."""
    if line["name"] == "alarm":
        return line.get("state") == "alarm"
    return line["name"] in CLOSES


def in_order(rig, asked: list, ends: list) -> list:
    """The windows; ``ends`` are the cycles of closing events, in order."""
    windows = []
    for ask in asked:
        begins = ask.text.startswith(("start", "resume")) and ask.kind != CHANGE
        if begins and ask.may_be_granted:  # a change goes on only with what moves already
            end = rig.end_of_boot(ask.boot)
            for cycle in ends:
                if ask.cycle < cycle < end:
                    end = cycle
                    break
            windows.append(clipped(rig.openings, ask.cycle, end))
    return windows


def clipped(openings: list, begin: int, end: int) -> tuple:
    """A window ends with the first opening of the stop loop in it."""
    for opened, closed in openings:
        long = closed is None or closed - opened >= SEEN_CYCLES
        if long and begin <= opened < end:
            end = opened + STOP_CYCLES
    return begin, end
