"""Why some (state, event) pairs of ``core.states`` are never asked for by the firmware."""

MOVING = ("infusing", "bolus", "priming", "kvo")
LATCHED = ("stopped", "alarm", "fault")
AT_POWER_ON = ("self-test-ok", "reset-found")
# No prime can be in memory: after one comes idle, where nothing is.
NO_PRIME = ("infusing", "paused", "bolus", "kvo", "complete", "halted")


def reason(state, event):
    """Why ``event`` cannot come in ``state``; '' when it can."""
    if state == "post":
        if event in (*AT_POWER_ON, "disconnect", "fail"):
            return ""
        return "the self-test is over before the loop begins"
    if event in AT_POWER_ON:
        return "comes once, at power-on"
    if event in ("start", "start-prime") and state == "idle":
        return "no plan in memory: refused as no-plan before the table is asked"
    if event == "start-prime" and state in NO_PRIME:
        return "no prime in memory: its start is a start"
    if event == "start" and state == "priming":
        return "a prime in memory: its start is a start-prime"
    if event == "host-lost" and state not in (*MOVING, "paused"):
        return "the lease is looked at only while moving or paused"
    if event == "end" and state not in MOVING:
        return "no motion that could end"
    if event == "keep-open" and state != "infusing":
        return "only an infusion goes on as KVO"
    if event == "trip" and state in LATCHED:
        return "latched: what would stop stops nothing, and is not asked for"
    if (state, event) == ("kvo", "ack"):
        return "KVO is an alarm: an ack puts it out without asking"
    return ""
