"""Steps by a soft ``machine.Timer``; the main loop has only telemetry to do."""

import time

import user
from board import STEP, STOP
from machine import Pin, Timer

step = Pin(STEP, Pin.OUT, value=0)
stop = Pin(STOP, Pin.IN, Pin.PULL_UP)
timer = Timer()
steps = 0


def on_timer(timer):
    global steps
    step.on()
    step.off()
    steps += 1


def on_stop(pin):
    timer.deinit()


stop.irq(on_stop, Pin.IRQ_RISING, hard=False)
timer.init(freq=1_000_000 / user.period_us, callback=on_timer, hard=False)
while True:
    user.serve(steps)
    time.sleep_ms(1)
