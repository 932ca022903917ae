"""One scripted life of a pump, without a host in the loop, as a trace of all that can be seen.

    micropython -X heapsize=64M boards/sim/scenario.py ROOT [BOARD]
    python boards/sim/scenario.py ROOT [BOARD]

Every input comes at a fixed virtual instant, so both interpreters must print the same bytes: each
line the pump sends with the microsecond at which it was whole, each run of STEP pulses in system
clock cycles, and what the pump is at the end.
"""

import sys

sys.path.insert(0, sys.argv[1])
sys.path.insert(1, sys.argv[1] + "/firmware")

from boards.sim.bench import Bench  # noqa: E402
from boards.sim.world import CYCLES_PER_US  # noqa: E402
from pump.core.crc import crc16_ccitt_false  # noqa: E402

PROGRAM = "program weight=70kg dose=%s over=%s concentration=1mg/mL syringe=%s"
FIRST = PROGRAM % ("0.005mg/kg", "20s", "bd-60")
SECOND = PROGRAM % ("1mcg/kg", "0.1min", "bd-10")
SLOW = PROGRAM % ("0.2mcg/kg", "1h", "bd-60")
CALIBRATED = FIRST + " volume-per-step=140.123456789nL"

# virtual time in us, request ({plan} is the plan programmed last); a check and a line end follow
SCRIPT = (
    (100_000, "1 info"),
    (130_000, "2 limits syringe=bd-10"),
    (160_000, "3 help"),
    (200_000, "4 start plan=00000000"),
    (250_000, "5 program weight=154lb dose=0.5mg/kg over=40min"),
    (300_000, "6 program weight=70kg dose=.5mg/kg over=40min concentration=1mg/mL syringe=bd-60"),
    (350_000, "7 " + PROGRAM % ("5mg/kg", "40min", "bd-60")),
    (400_000, "8 " + PROGRAM % ("1mg/kg", "40min", "bd-60")),
    (450_000, "9 " + PROGRAM % ("0.5mg/kg", "1min", "bd-60")),
    (500_000, "10 " + FIRST),
    (600_000, "11 status"),
    (700_000, "12 telemetry every=250ms"),
    (1_000_003, "13 start plan={plan} lease=4s on-loss=stop"),
    (1_000_004, "13 start plan={plan} lease=4s on-loss=stop"),
    (3_456_789, "14 pause"),
    (4_000_000, "15 heartbeat"),
    (5_000_000, "16 resume"),
    (7_000_000, "17 status"),
    (10_500_000, "18 heartbeat"),
    (14_000_000, "19 heartbeat"),
    (17_000_000, "20 heartbeat"),
    (20_000_000, "21 heartbeat"),
    (23_000_000, "22 status"),  # complete by now
    (23_200_000, "23 " + CALIBRATED),
    (23_500_000, "24 start plan={plan}"),
    (26_000_000, "25 ack"),  # the button was pressed at 25 s
    (27_100_000, "26 start plan={plan}"),
    (27_200_000, "27 ack"),
    (27_500_000, "28 " + SECOND),
    (28_000_000, "29 start plan={plan} lease=1.5s on-loss=finish"),
    (35_000_000, "30 log since=1:4"),
    (36_000_000, "31 " + FIRST),
    (36_500_000, "32 start plan={plan} lease=1s"),  # the host is lost at 37.5 s
    (38_000_000, "33 ack"),
    (38_200_000, "34 " + SLOW),
    (38_500_000, "35 start plan={plan} tenfold=yes"),
    (48_500_000, "36 stop"),
    (48_600_000, "37 " + FIRST),
    (48_700_000, "38 start plan={plan} tenfold=yes"),
    # the power was cut at 50 s: stopped, with the alarm `reset`
    (50_800_000, "44 start plan={plan}"),
    (50_900_000, "45 ack"),
    (51_000_000, "39 start plan={plan}"),
    (51_100_000, "40 log since=1:3"),
    (51_200_000, "41 " + SECOND),
    (51_300_000, "42 start plan={plan}"),
    (51_800_000, "43 status"),
)
RAW = (
    (620_000, b"status*0000\n"),
    (640_000, b"\xff\x00\x1b[A\n"),
    (660_000, b"4711 program weight=70kg\n"),
    (680_000, b"x" * 300 + b"\n"),
    (2_000_000, b"pau"),
    (2_700_000, b"se\n"),
    (6_000_000, b"\n\r\n*IDN?\r\nnope\n" * 5),
)
PRESS_CYCLE = 25_000_000 * CYCLES_PER_US + 17
RELEASE_CYCLE = 27_000_000 * CYCLES_PER_US + 3
POWER_CUT_US = 50_000_000
END_US = 60_000_000


class End(BaseException):
    """The scenario is over."""


class Scenario:
    """Plays the script on a bench and prints."""

    def __init__(self, root: str, board: str) -> None:
        self._bench = Bench(root, board)
        self._bench.keep_runs = True
        self._plan = "none"

    def play(self) -> None:
        """From power-on to the end."""
        bench = self._bench
        bench.usb.on_line = self._tell
        for at_us, text in SCRIPT:
            bench.at_us(at_us, self._sender(text))
        for at_us, data in RAW:
            bench.at_us(at_us, self._raw_sender(data))
        bench.world.at(PRESS_CYCLE, bench.press)
        bench.world.at(RELEASE_CYCLE, bench.release)
        bench.at_us(POWER_CUT_US, bench.cut_power)
        bench.at_us(END_US, self._end)
        try:
            bench.run_firmware()
        except End:
            pass
        self._tell_end()

    def _sender(self, text: str):
        def send():
            data = text.replace("{plan}", self._plan).encode()
            self._bench.usb.host_write(data + b"*%04X\n" % crc16_ccitt_false(data))

        return send

    def _raw_sender(self, data: bytes):
        def send():
            self._bench.usb.host_write(data)

        return send

    def _tell(self) -> None:
        text = self._bench.usb.host_read().decode()
        print(self._bench.world.now_us(), text, end="")
        if " name=programmed " in text:
            self._plan = text.split(" plan=")[1].split(" ")[0]

    def _end(self) -> None:
        controller = self._bench.pump().controller
        print("end", controller.state, controller.steps(), self._bench.step_edges)
        raise End

    def _tell_end(self) -> None:
        bench = self._bench
        for first, period, count in bench.step_runs:
            print("STEP first=%d period=%d count=%d" % (first, period, count))
        print("crash", bench.crash)
        print("flash", sorted(bench.flash.files.items()))


Scenario(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "rpi_pico").play()
