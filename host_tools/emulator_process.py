"""The emulated RP2040 behind the target ``emulator``: a process of its own, spoken to by lines.

    emulator_process.py IMAGE FILES SOCKET [RIG_HOME]

IMAGE is a MicroPython image (uf2), FILES the folder that becomes the chip's flash filesystem. With
RIG_HOME the chip is that of a cycle-exact rig (``rig.py`` there); otherwise PyPI's rp2040py as it
is. The chip is booted once, up to its first telemetry; then ``ready`` is printed, and each
connection to SOCKET gets a copy of it (a fork). It ends with its stdin. One JSON object a line
comes in, one goes out with what the chip has sent, the rising edges of STEP and the time:

    {"write": hex}              bytes to the serial port, at once
    {"run_us": us}              time passes
    {"pin": gpio, "level": 0}   a level from outside; null lets go
    {"power": "cut"}            off and on: flash stays, all else begins anew
    {"cpu": "freeze"}           the CPU stands still, interrupts off, until the watchdog bites

    {"data": hex, "steps": n, "now_us": us}

Runs in whichever interpreter has the emulator; imports nothing of this project but
``emulator_leap`` beside it.
"""

import json
import os
import select
import socket
import sys
from pathlib import Path

from emulator_leap import Leaper

STEP, ENABLE, STOP = 2, 4, 14
FLASH_BASE = 0x10000000
STORAGE = 1408 * 1024
FLASH_BYTES = 2 * 1024 * 1024
BLOCK = 4096
READY = b"~1 "
READY_MOST_MS = 5000


def filesystem(folder):
    """A littlefs image of the files below ``folder``, as MicroPython's own mkfs makes it."""
    from littlefs import LittleFS

    files = LittleFS(
        block_size=BLOCK,
        block_count=STORAGE // BLOCK,
        prog_size=256,
        read_size=32,
        lookahead_size=32,
        disk_version=0x00020000,
    )
    for path in sorted(folder.rglob("*")):
        name = "/" + path.relative_to(folder).as_posix()
        if path.is_dir():
            files.makedirs(name, exist_ok=True)
        else:
            with files.open(name, "wb") as file:
                file.write(path.read_bytes())
    return bytes(files.context.buffer)


class Stock:
    """rp2040py as PyPI has it. Time is the chip's, in nanoseconds since power-on."""

    def __init__(self, image, stored):
        from rp2040py.boards import BoardSpec, build_rp2040_from_spec
        from rp2040py.device.bootrom import BOOTROM_B1
        from rp2040py.device.load_flash import load_uf2
        from rp2040py.simulator import Simulator
        from rp2040py.usb.cdc import USBCDC
        from rp2040py.utils.logging import ConsoleLogger, LogLevel

        self.mcu = build_rp2040_from_spec(BoardSpec())
        self._simulator = Simulator(rp2040=self.mcu)
        self.mcu.logger = ConsoleLogger(LogLevel.ERROR)
        self.mcu.load_bootrom(BOOTROM_B1)
        self.mcu.flash[:] = b"\xff" * len(self.mcu.flash)
        load_uf2(image, self.mcu)
        at = FLASH_BYTES - STORAGE
        self.mcu.flash[at : at + STORAGE] = stored
        self.mcu.core.pc = FLASH_BASE
        self.received = bytearray()
        self._port = USBCDC(self.mcu.usb_ctrl)
        self._port.on_serial_data = self.received.extend
        self.mcu.watchdog.on_watchdog_trigger = self._bitten

    def _bitten(self):
        self.mcu.enter_reset(from_watchdog=True)
        self.mcu.leave_reset()

    @property
    def now_ns(self):
        return self.mcu.clock.nanos

    def settle(self):
        """It is always as it seems."""

    def run_until(self, ns):
        """Let the chip's time go on."""
        alarm = self.mcu.clock.create_alarm(self._simulator.stop)
        alarm.schedule(max(0.0, ns - self.now_ns))
        self._simulator.stopped = False
        while not self._simulator.stopped:
            self._simulator._execute_batch()

    def write(self, data):
        for byte in data:
            self._port.send_serial_byte(byte)


class Exact:
    """The chip of a rig, which leaps over time in which nothing happens."""

    def __init__(self, image, stored):
        from rig import Rig

        self._rig = Rig(uf2=image, fs_image=stored)
        self.mcu = self._rig.mcu
        self.settle = Leaper(self.mcu).settle
        self.received = self._rig.rx
        self.run_until = self._rig.run_until
        self.write = self._rig.write

    @property
    def now_ns(self):
        return self._rig.now


class Bench:
    """A chip with its stop loop closed and its STEP pin watched. ``steps`` leaves out those of a
    self-test, made before the motor has had current in that boot."""

    def __init__(self, chip, image, stored):
        self._kind, self._image = chip, image
        self._levels = {STOP: 0}
        self.steps = 0
        self._past_ns = 0.0
        self._power_on(stored)

    def _power_on(self, stored):
        self.chip = self._kind(self._image, stored)
        for gpio, level in self._levels.items():
            self._drive(gpio, level)
        self._current = False
        self.chip.mcu.gpio[STEP].add_listener(self._step)
        self.chip.mcu.gpio[ENABLE].add_listener(self._enable)

    def _step(self, state, before):
        if state.name == "HIGH" and self._current:
            self.steps += 1

    def _enable(self, state, before):
        """EN is low for current; after any reset it goes high first."""
        if state.name == "LOW":
            self._current = True
        elif before.name != "LOW":
            self._current = False

    def _drive(self, gpio, level):
        self.chip.settle()
        pin = self.chip.mcu.gpio[gpio]
        if level is None:
            pin.release_input()
        else:
            pin.set_input_value(bool(level))

    def obey(self, order):
        """Carry out one order; returns the answer."""
        chip = self.chip
        if "write" in order:
            chip.write(bytes.fromhex(order["write"]))
        elif "pin" in order:
            self._levels[order["pin"]] = order["level"]
            self._drive(order["pin"], order["level"])
        elif "power" in order:
            at = FLASH_BYTES - STORAGE
            self._past_ns += chip.now_ns
            self._power_on(bytes(chip.mcu.flash[at : at + STORAGE]))
        elif "cpu" in order:
            core = chip.mcu.core
            core.pm = core.waiting = True
            core.enabled_interrupts = 0
        else:
            chip.run_until(chip.now_ns + order["run_us"] * 1000)
        data = bytes(chip.received)
        del chip.received[:]
        now_us = int((self._past_ns + self.chip.now_ns) / 1000)
        return {"data": data.hex(), "steps": self.steps, "now_us": now_us}


def boot(bench):
    """Until the firmware has sent its first telemetry."""
    for _ in range(READY_MOST_MS):
        at = bench.chip.received.find(READY)
        if at >= 0 and bench.chip.received.find(b"\n", at) >= 0:
            return
        bench.chip.run_until(bench.chip.now_ns + 1e6)
    raise SystemExit("no telemetry in %d ms: %r" % (READY_MOST_MS, bytes(bench.chip.received)))


def serve(bench, connection):
    """Obey until the other side hangs up."""
    with connection, connection.makefile("rw") as stream:
        for line in stream:
            stream.write(json.dumps(bench.obey(json.loads(line))) + "\n")
            stream.flush()


def main(image, folder, path, *rig_home):
    """Boot, then serve copies."""
    sys.path[:0] = rig_home
    bench = Bench(Exact if rig_home else Stock, image, filesystem(Path(folder)))
    boot(bench)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)
        while select.select([listener, sys.stdin], [], [])[0] == [listener]:
            connection, _ = listener.accept()
            if not os.fork():
                listener.close()
                serve(bench, connection)
                os._exit(0)
            connection.close()
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


if __name__ == "__main__":
    main(*sys.argv[1:])
