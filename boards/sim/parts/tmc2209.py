"""A TMC2209 on its one-wire UART and on STEP and EN: registers, CRC, counter, flags, standstill.

After the data sheet (rev. 1.09), written apart from the firmware's driver.
"""

from boards.sim.world import CYCLES_PER_US

GSTAT = 0x01
IFCNT = 0x02
IOIN = 0x06
CHOPCONF = 0x6C
DRV_STATUS = 0x6F
READABLE = (0x00, GSTAT, IFCNT, IOIN, CHOPCONF, DRV_STATUS)
CHIP = 0x21000000
STST = 1 << 31
STANDSTILL_US = (1 << 20) // 12  # 2^20 clocks of 12 MHz


def crc(data) -> int:
    """As the data sheet's example: each byte from its lowest bit, shifted in at the top."""
    value = 0
    for byte in data:
        for bit in range(8):
            top = value >> 7 & 1
            value = value << 1 & 0xFF
            if top != (byte >> bit & 1):
                value ^= 7
    return value


class Tmc2209Chip:
    """Address 0. Knobs for what can go wrong:

    powered   False: motor supply off, no answer
    garbled   the next so many answers arrive with a bit turned over
    stepped   False: the wire to STEP is broken
    """

    def __init__(self) -> None:
        self.powered = True
        self.garbled = 0
        self.stepped = True
        self.made = 0  # steps that the motor has made
        self._world = None
        self._enable = -1
        self._last = 0  # cycle of the last rising edge at STEP
        self.restart()

    def connect(self, world, step: int, enable: int) -> None:
        """On the bench: STEP and EN, and standstill by the clock. Without, as the tests say."""
        self._world = world
        self._enable = enable
        world.pads.watch(step, self._edge)

    def drives(self) -> bool:
        """The bridges are on: EN low, and an off time (TOFF 0 switches them off)."""
        return not self._world.pads.level(self._enable) and self.registers[CHOPCONF] & 15 > 0

    def restart(self) -> None:
        """A dip of the supply: everything as after power-on, and GSTAT says so."""
        self.registers = {0x00: 0x101, GSTAT: 1, IFCNT: 0, IOIN: CHIP, CHOPCONF: 0x10000053}
        self.registers[DRV_STATUS] = STST

    def microsteps(self) -> int:
        """What a step is now, whatever the firmware believes."""
        if self.registers[0x00] & 1 << 7:
            return 256 >> (self.registers[CHOPCONF] >> 24 & 15)
        return 8  # MS pins open

    def receive(self, data: bytes) -> bytes:
        """What is on the line after ``data``: the bytes themselves, and an answer if any."""
        return data + (self._answer(data) if self.powered else b"")

    def _answer(self, data: bytes) -> bytes:
        if len(data) not in (4, 8) or data[:2] != b"\x55\x00" or crc(data[:-1]) != data[-1]:
            return b""
        register = data[2] & 0x7F
        if data[2] & 0x80:
            self._take(register, int.from_bytes(data[3:7], "big"))
            return b""
        if register not in READABLE:
            return b""
        self._look()
        answer = bytearray(b"\x05\xff")
        answer.append(register)
        answer += self.registers[register].to_bytes(4, "big")
        answer.append(crc(answer))
        if self.garbled:
            self.garbled -= 1
            answer[5] ^= 0x10
        return bytes(answer)

    def _edge(self, pin: int, level: int, first: int, period: int, count: int) -> None:
        if level and self.stepped and self.powered:
            self._last = first + period * (count - 1)
            if self.drives():
                self.made += count

    def _look(self) -> None:
        """Bring the standstill flag up to date."""
        if self._world:
            self._world.sync()
            still = self._world.now - self._last > STANDSTILL_US * CYCLES_PER_US
            others = self.registers[DRV_STATUS] & ~STST
            self.registers[DRV_STATUS] = others | STST if still else others

    def _take(self, register: int, value: int) -> None:
        self.registers[IFCNT] = self.registers[IFCNT] + 1 & 0xFF
        if register == GSTAT:
            value = self.registers[GSTAT] & ~value
        self.registers[register] = value
