"""What each alarm of the pump is called for people: its cause, and a text for a screen.

In the order of firmware/ALARMS.md. The pump says causes; which there are, how urgent and what they
stop stands in ``pump.core.alarms``.
"""

from __future__ import annotations

TEXTS = {
    "disconnect": "Stop button pressed or its wire open",
    "stop-open": "Stop loop open at power-on",
    "reset": "Pump was reset, check what was delivered",
    "post": "Self-test failed",
    "host-lost": "Host silent, infusion stopped",
    "occlusion": "Line blocked or motor stalled",
    "over-delivery": "More delivered than planned",
    "runaway": "Motor moved without an order",
    "miscount": "Counted steps differ from ordered steps",
    "starved": "Step generator ran out of work",
    "internal": "Fault in the firmware",
    "limit-switch": "End of travel reached",
    "force-sensor": "Force sensor open or shorted",
    "supply-critical": "Supply too low, infusion stopped",
    "driver": "Motor driver faulty or without power",
    "lock-out": "Same stop three times, restart the pump",
    "under-delivery": "Less delivered than planned",
    "end-of-infusion": "Infusion complete",
    "log-failure": "Events cannot be stored",
    "host-silent": "Host silent, infusion goes on",
    "supply-low": "Supply low",
    "driver-hot": "Motor driver hot",
    "pause-long": "Paused for a long time",
    "near-end": "Infusion almost complete",
    "kvo": "Keeping the vein open",
    "program-idle": "Program waits for start",
}
