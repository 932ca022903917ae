"""Steps by ``sleep_us``, as in the first example one finds."""

import time

import user
from board import STEP, STOP
from machine import Pin

step = Pin(STEP, Pin.OUT, value=0)
stop = Pin(STOP, Pin.IN, Pin.PULL_UP)
running = True
steps = 0


def on_stop(pin):
    global running
    running = False


stop.irq(on_stop, Pin.IRQ_RISING)
while running:
    step.on()
    time.sleep_us(3)
    step.off()
    steps += 1
    user.serve(steps)
    time.sleep_us(user.period_us - 3)
