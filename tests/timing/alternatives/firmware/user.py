"""What all programs here share: the rate from a file, telemetry every 20 ms, commands."""

import select
import sys
import time

EVERY_MS = 20

with open("period_us") as file:
    period_us = int(file.read())
poller = select.poll()
poller.register(sys.stdin, select.POLLIN)
due = time.ticks_ms()


def serve(steps):
    """A line when it is due, and a new rate when one has been sent (any other text raises)."""
    global due, period_us
    if time.ticks_diff(time.ticks_ms(), due) >= 0:
        due = time.ticks_add(due, EVERY_MS)
        text = "~ t=%dms state=infusing steps=%d period=%dus delivered=0.000mL\n"
        sys.stdout.buffer.write((text % (time.ticks_ms(), steps, period_us)).encode())
    if poller.poll(0):
        line = bytearray(5)
        sys.stdin.buffer.readinto(line)
        period_us = int(line)
