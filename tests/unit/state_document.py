"""firmware/STATES.md, made from the table in ``pump.core.states``.

``python -m tests.unit.state_document`` writes it; test_states.py compares.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "firmware")]

from pump.core import states  # noqa: E402

DOCUMENT = ROOT / "firmware/STATES.md"
HEAD = """# States

Made from the table in `pump/core/states.py` (`python -m tests.unit.state_document`); a test
compares. The motor moves in **%s** only. **%s** are latched: nothing but `ack` leaves them, and
`ack` never moves the motor.

Three ways to end motion, and they are not the same:

| | what it is | what ends | what it takes to go on |
|---|---|---|---|
| `pause` | a request | motion; the place is kept | `resume`, with every precondition met |
| `stop` | a request, valid in every state, check or not | the plan | a new plan, a new start |
| disconnect | the open stop loop, in hardware | the plan, latched | release, `ack`, plan, start |

The loop is opened by the button, a pulled plug or a broken wire; it ends the step pulses without
the CPU. Its release counts after 50 ms of rest.

## Diagram

`stop`, the stop button (`disconnect`), a stopping alarm (`trip`) and a fault (`fail`) lead from
every state to one that does not move; they are in the table, not in the picture. So is
`maintenance`, which changes no state.

```mermaid
stateDiagram-v2
    [*] --> post
"""
HIDDEN = (states.STOP, states.DISCONNECT, states.TRIP, states.FAIL, states.MAINTENANCE)


def arrows() -> list[str]:
    """Every change of state that the picture shows, one line each."""
    lines = []
    for state in states.STATES:
        after: dict[str, list[str]] = {}
        for event in states.EVENTS:
            then = states.follow(state, event)
            if event not in HIDDEN and then not in (states.REFUSED, states.IGNORED, state):
                after.setdefault(then, []).append(event)
        lines += ["    %s --> %s: %s" % (state, then, ", ".join(e)) for then, e in after.items()]
    return lines


def table() -> list[str]:
    """The whole table: a row per state, a column per event."""
    rows = [
        "| state | " + " | ".join(states.EVENTS) + " |",
        "|---" * (len(states.EVENTS) + 1) + "|",
    ]
    for state in states.STATES:
        cells = [states.follow(state, event) for event in states.EVENTS]
        rows.append("| **%s** | %s |" % (state, " | ".join(cells)))
    return rows


def document() -> str:
    """The text of the document."""
    head = HEAD % (", ".join(states.MOVING), ", ".join(states.LATCHED))
    tail = (
        "\n```\n\n## Table\n\n`!` the request is refused with `not-now`, `.` nothing changes.\n\n"
    )
    return head + "\n".join(arrows()) + tail + "\n".join(table()) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
