"""Is this pump fit for work? A table of checks from the port to the clock; nothing here moves.

A check looks at one thing and says what it found and, where that is not well, what to do. To add
one write a function ``(Patient) -> Finding`` and a row in CHECKS, after what it ``needs``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from titra import DEFAULT_BAUD, __version__, errors
from titra.client import PumpClient, Timeouts
from titra.errors import HINTS, AtPrompt, TitraError, UsageError
from titra.firmware_files import boards_of
from titra.flash.device import Repl
from titra.flash.job import MICROPYTHON_LEAST, check_interpreter, chip_in
from titra.identify import identify
from titra.quantities import US_PER_S, decimal, time_us, whole
from titra.transport import open_transport

OK = "ok"
WARN = "warn"
FAIL = "fail"
SKIPPED = "skipped"
PROTOCOL = 1
ROUNDS = 10
SLOW_S = 0.05
CLOCK_S = 1.0
CLOCK_OFF_S = 0.05  # round trip, ms resolution, and 0.1 % of a ceramic resonator
MOVING = ("infusing", "bolus", "priming", "kvo")

ADVICE = {
    "no-port": "plug the pump in and look with `titra ports`; then name it with --port",
    "port-absent": "look with `titra ports`; try another cable, some only charge",
    "port-busy": "close the other program: a terminal, an editor, another titra",
    "port-forbidden": "sudo usermod -aG dialout $USER, then log in again",
    "port-unusable": "name a serial port; `titra ports` lists them",
    "silent": "reset the pump; if it stays silent its firmware is not running: README, On a board",
    "not-a-pump": "wrong port: `titra ports`",
    "at-prompt": "left there by `titra send maintenance`? reset it; else flash it, see image",
    "wrong-speed": "leave --baud away (115200), or take the speed of the board file",
    "no-answer": "reset the pump and try again; then look at the cable",
    "connection-lost": "look at the cable and the pump's supply",
}


@dataclass(frozen=True)
class Finding:
    """What a check found. ``advice`` says what to do, '' where all is well."""

    verdict: str
    found: str
    advice: str = ""


@dataclass
class Patient:
    """What the checks have learnt so far. ``find_port`` names the port, or raises UsageError."""

    find_port: Callable[[], str]
    baud: int = DEFAULT_BAUD
    timeouts: Timeouts = field(default_factory=Timeouts)
    port: str = ""
    client: PumpClient | None = None
    at_prompt: bool = False
    info: dict[str, str] = field(default_factory=dict)

    @property
    def pump(self) -> PumpClient:
        """The client, once the port is open."""
        assert self.client
        return self.client

    def status(self) -> dict[str, str]:
        """What the pump says now."""
        return dict(self.pump.request("status").fields)

    def close(self) -> None:
        """Give the port back."""
        if self.client:
            self.client.close()


@dataclass(frozen=True)
class Check:
    """A row of the table. Skipped unless the check ``needs`` came out well enough to go on;
    ``exit_code`` is that of a failure."""

    name: str
    look: Callable[[Patient], Finding]
    needs: str = ""
    exit_code: int = errors.NOT_PASSED


def examine(
    patient: Patient, checks: Sequence[Check] | None = None
) -> Iterator[tuple[Check, Finding]]:
    """Go through the table; each result as it comes. Raises nothing that belongs to the pump."""
    failed: set[str] = set()
    for check in CHECKS if checks is None else checks:
        if check.needs in failed:
            finding = Finding(SKIPPED, f"needs: {check.needs}")
        else:
            try:
                finding = check.look(patient)
            except TitraError as error:
                advice = ADVICE.get(error.code) or HINTS.get(error.code, "")
                finding = Finding(FAIL, error.message, advice)
        if finding.verdict in (FAIL, SKIPPED):
            failed.add(check.name)
        yield check, finding


def _port(patient: Patient) -> Finding:
    patient.port = patient.find_port()
    return Finding(OK, patient.port)


def _open(patient: Patient) -> Finding:
    transport = open_transport(patient.port, patient.baud)
    patient.client = PumpClient(transport, timeouts=patient.timeouts)
    return Finding(OK, "there, free and permitted")


def _identity(patient: Patient) -> Finding:
    try:
        who = identify(patient.pump)
    except AtPrompt:
        patient.at_prompt = True
        raise
    patient.info = dict(patient.pump.request("info").fields)
    return Finding(OK, f"{who.maker} {who.model}, serial number {who.serial}")


def _image(patient: Patient) -> Finding:
    """The interpreter of a board at its prompt; nobody else is interrupted to ask."""
    if patient.info:
        return Finding(OK, "runs the firmware")
    if not patient.at_prompt:
        return Finding(SKIPPED, "no MicroPython prompt")
    patient.close()
    repl = Repl(patient.port)
    try:
        facts = repl.facts()
    finally:
        repl.close()
    there = f"{facts.machine or 'unknown chip'}, {facts.name} {'.'.join(map(str, facts.version))}"
    chip = chip_in(facts)
    if not chip:
        return Finding(FAIL, f"{there}: no chip for this firmware", "boards/README.md lists them")
    flash = f"`titra flash --board {'|'.join(boards_of(chip))} --port {patient.port}`"
    try:
        check_interpreter(facts, chip)
    except UsageError as error:
        least = ".".join(map(str, MICROPYTHON_LEAST[chip]))
        first = f"put MicroPython {least} or later on it (micropython.org/download), then"
        return Finding(FAIL, f"{there}: {error.message}", f"{first} {flash}")
    return Finding(OK, f"{there}: good, without firmware", flash)


def _protocol(patient: Patient) -> Finding:
    spoken = patient.info.get("protocol", "none")
    if whole(spoken) == PROTOCOL:
        return Finding(OK, f"version {spoken}")
    return Finding(
        FAIL,
        f"the pump speaks version {spoken}, this tool {PROTOCOL}",
        "install firmware and tool of the same release",
    )


def _firmware(patient: Patient) -> Finding:
    version = patient.info.get("firmware", "none")
    if version == __version__:
        return Finding(OK, version)
    return Finding(
        WARN,
        f"the pump has {version}, this tool is {__version__}",
        f"`titra flash --board {patient.info.get('model', '...')} --port {patient.port}`,"
        " or install the tool of that release",
    )


def _reset(patient: Patient) -> Finding:
    cause = patient.info.get("reset", "none")
    if cause == "watchdog":
        return Finding(
            WARN, "the watchdog reset it last", "`titra send log` shows what came before"
        )
    return Finding(OK, f"boot {patient.info.get('boot')}, after {cause}")


def _answers(patient: Patient) -> Finding:
    took = []
    for _ in range(ROUNDS):
        start_s = patient.pump.transport.clock()
        patient.pump.request("status")
        took.append(patient.pump.transport.clock() - start_s)
    words = f"{ROUNDS} of {ROUNDS} requests, {_ms(min(took))} to {_ms(max(took))} ms each"
    if max(took) > SLOW_S:
        return Finding(WARN, words, "slow: a busy machine, a hub, or another program on the bus")
    return Finding(OK, words)


def _state(patient: Patient) -> Finding:
    said = patient.status()
    state, cause = said.get("state", "?"), said.get("cause", "none")
    if said.get("latched") == "yes":
        return Finding(
            FAIL, f"{state} and latched, cause {cause}", "see to the cause, then `titra ack`"
        )
    if state in MOVING:
        return Finding(WARN, f"{state}: the motor is moving", "doctor only looks; nothing to do")
    if state == "post":
        return Finding(WARN, "still in its self-test", "wait a second and try again")
    return Finding(OK, state)


def _stop_loop(patient: Patient) -> Finding:
    if patient.status().get("stop-loop") == "closed":
        return Finding(OK, "closed")
    return Finding(
        FAIL, "open", "release the stop button; else its wire or plug is broken: see wiring.md"
    )


def _alarms(patient: Patient) -> Finding:
    alarms = patient.status().get("alarms", "none")
    if alarms == "none":
        return Finding(OK, "none")
    return Finding(FAIL, alarms, "firmware/ALARMS.md says what each means; `titra ack` puts out")


def _record(patient: Patient) -> Finding:
    reply = patient.pump.request("log")
    patient.pump.log_page(reply)
    fields = reply.fields
    return Finding(OK, f"events {fields.get('oldest', '?')} to {fields.get('newest', '?')} kept")


def _clock(patient: Patient) -> Finding:
    first_host_s, first_pump_us = _times(patient)
    until_s = first_host_s + CLOCK_S
    while (left_s := until_s - patient.pump.transport.clock()) > 0:
        patient.pump.receive(left_s)
    last_host_s, last_pump_us = _times(patient)
    off_s = (last_pump_us - first_pump_us) / US_PER_S - (last_host_s - first_host_s)
    words = f"{_ms(abs(off_s))} ms off in {CLOCK_S:.0f} s"
    if abs(off_s) <= CLOCK_OFF_S:
        return Finding(OK, words)
    return Finding(FAIL, words, "rates are off by as much: look at the crystal, or at --speed")


def _times(patient: Patient) -> tuple[float, int]:
    """(host s in the midst of a status request, the pump's us in it)."""
    before_s = patient.pump.transport.clock()
    pump_us = time_us(patient.status().get("t")) or 0
    return (before_s + patient.pump.transport.clock()) / 2, pump_us


def _ms(seconds: float) -> str:
    return decimal(Fraction(seconds) * 1000, 1)


CHECKS = (
    Check("port", _port, exit_code=errors.NO_CONNECTION),
    Check("open", _open, "port", errors.NO_CONNECTION),
    Check("identity", _identity, "open", errors.NO_CONNECTION),
    Check("image", _image, "open", errors.NO_CONNECTION),
    Check("protocol", _protocol, "identity"),
    Check("firmware", _firmware, "identity"),
    Check("last reset", _reset, "identity"),
    Check("answers", _answers, "identity", errors.NO_CONNECTION),
    Check("state", _state, "identity"),
    Check("stop loop", _stop_loop, "identity"),
    Check("alarms", _alarms, "identity"),
    Check("event log", _record, "identity"),
    Check("clock", _clock, "identity"),
)
