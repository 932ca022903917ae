"""A real pump as a target, with or without the bench jig (``tests/hardware/README.md``).

Time is that of the ports: for serial ports real time. Without a jig there is no stop button, no
step counter and no power switch, and a soft reset takes the place of power-on.
"""

from __future__ import annotations

from collections.abc import Callable

from titra.errors import JigError, NoConnection, PumpSilent
from titra.protocol import seal
from titra.targets import BUTTON, FREEZE, POWER, STAMPS, STEPS, US, of_link
from titra.transport import Transport, open_transport

ANSWER_S = 1.0
OFF_S = 1.0  # the pump's capacitors empty
BOOT_S = 15.0  # a port comes back, and the pump says its first word
RETRY_S = 0.1
STAMPS_WRAP = 1 << 32  # ticks, 68.7 s
QUIET_S = 0.2
TO_REST = ("stop", "ack", "clear", "maintenance")
SOFT_RESET = b"\x04"  # Ctrl-D, at the REPL
FIRST_WORD = b"!1 event"
FIRST_ID, IDS = 50_000, 49_000  # ids that no test uses


class Jig:
    """The bench jig at the end of ``transport``. Raises JigError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        transport.write(b"\n")  # ends what an earlier user has left half said
        self.pause(QUIET_S)  # reads what it has left unread
        if not self._line("*IDN?").startswith("Titra,jig,"):
            raise JigError(f"{transport.name}: this is no bench jig")

    def ask(self, text: str) -> dict[str, str]:
        """The fields of the answer to a request."""
        line = self._line(text)
        word, _, rest = line.partition(" ")
        if word != "ok":
            raise JigError(f"{self._transport.name}: {text} was answered with: {line}")
        return dict(pair.split("=", 1) for pair in rest.split())

    def _line(self, text: str) -> str:
        self._transport.write(text.encode() + b"\n")
        said = b""
        until = self._transport.clock() + ANSWER_S
        while not said.endswith(b"\n") and self._transport.clock() < until:
            said += self._transport.read(ANSWER_S)
        if not said.endswith(b"\n"):
            raise JigError(f"{self._transport.name}: the jig does not answer to {text}")
        return said.decode("ascii", "replace").strip()

    def pause(self, seconds: float) -> None:
        """Wait; a jig says nothing unasked."""
        until = self._transport.clock() + seconds
        while (left_s := until - self._transport.clock()) > 0:
            self._transport.read(left_s)

    def clock(self) -> float:
        """Seconds of the jig's port."""
        return self._transport.clock()

    def close(self) -> None:
        """The pump stays stopped and without power."""
        self.ask("press")
        self.ask("power off")
        self._transport.close()


class HardwareTarget:
    """A pump behind a port that ``open_pump`` opens, and what ``jig`` can do to it."""

    def __init__(self, open_pump: Callable[[], Transport], jig: Jig | None, board: str) -> None:
        """Raises NoConnection: no pump, or one that does not say a word after power-on."""
        self.board = board
        self.capabilities: tuple[str, ...] = of_link(board)
        self._open = open_pump
        self._jig = jig
        self._early = b""  # came before anybody let time pass
        if jig:
            self.capabilities += (BUTTON, STEPS, STAMPS, POWER)
            jig.ask("power off")
            jig.ask("release")
            jig.pause(OFF_S)
            jig.ask("reset")
            self._pump = self._power_on(jig)
        else:
            self._pump = open_pump()
            self._start_anew()

    def _power_on(self, jig: Jig) -> Transport:
        jig.ask("power on")
        until = jig.clock() + BOOT_S
        while True:
            try:
                pump = self._open()
                break
            except NoConnection:
                if jig.clock() >= until:
                    raise
                jig.pause(RETRY_S)
        self._early += pump.read(BOOT_S)
        if not self._early:
            raise PumpSilent(f"{pump.name}: the pump has power and says nothing")
        return pump

    def _start_anew(self) -> None:
        """A soft reset by way of the REPL, from any state. The ids of the requests differ from one
        time to the next: a remembered one would not act."""
        first = FIRST_ID + int(self._pump.clock() * 1000) % IDS
        for number, verb in enumerate(TO_REST):
            self._pump.write(seal("%d %s" % (first + number, verb)))
            self.run_us(int(QUIET_S * US))
        self._pump.write(SOFT_RESET)
        until = self._pump.clock() + BOOT_S
        said = b""
        while FIRST_WORD not in said:
            if self._pump.clock() >= until:
                raise PumpSilent(f"{self._pump.name}: the pump does not start anew")
            said += self._pump.read(RETRY_S)
        self._early = said[said.index(FIRST_WORD) :]

    @property
    def jig(self) -> Jig:
        """The jig; only where ``capabilities`` say so."""
        assert self._jig
        return self._jig

    def write(self, data: bytes) -> None:
        self._pump.write(data)

    def run_us(self, us: int) -> bytes:
        got, self._early = self._early, b""
        until = self._pump.clock() + us / US
        while (left_s := until - self._pump.clock()) > 0:
            got += self._pump.read(left_s)
        return got

    def step_edges(self) -> int:
        return int(self.jig.ask("steps")["steps"])

    def step_instants_ns(self, count: int) -> list[int]:
        """Raises JigError where the jig has missed an edge."""
        told = self.jig.ask("steps")
        if told["stamped"] != told["edges"]:
            raise JigError(f"the jig stamped {told['stamped']} of {told['edges']} edges")
        stamped = int(told["stamped"])
        ticks: list[int] = []
        while len(ticks) < min(count, stamped):
            told = self.jig.ask(f"edges {max(0, stamped - count) + len(ticks)}")
            ticks += map(int, told["at"].split(","))
        instants = [0] * len(ticks)
        for nth in range(1, len(ticks)):
            passed = (ticks[nth] - ticks[nth - 1]) % STAMPS_WRAP
            instants[nth] = instants[nth - 1] + passed * int(told["tick"].removesuffix("ns"))
        return instants

    def press(self) -> None:
        self.jig.ask("press")

    def release(self) -> None:
        self.jig.ask("release")

    def power_cut(self) -> None:
        """The port goes with the power, and is opened anew."""
        self._pump.close()
        self.jig.ask("power off")
        self.jig.pause(OFF_S)
        self._pump = self._power_on(self.jig)

    def freeze(self) -> None:
        raise NotImplementedError(FREEZE)

    def close(self) -> None:
        """With a jig the pump is left stopped and without power."""
        self._pump.close()
        if self._jig:
            self._jig.close()


def open_hardware(port: str, jig_port: str, board: str) -> HardwareTarget:
    """The pump at ``port``; ``jig_port`` is empty where there is no jig. Raises NoConnection."""
    jig = Jig(open_transport(jig_port)) if jig_port else None
    return HardwareTarget(lambda: open_transport(port), jig, board)
