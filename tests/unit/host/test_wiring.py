"""``titra doctor --wiring`` with the firmware itself, well and ill, and one who does as told."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from titra import doctor, wiring
from titra.cli import common
from titra.cli import doctor as command

from .commands import run, run_json
from .virtual_bench import VirtualBench

STEPS = 11_533  # 0.05 mL from a syringe of 4.699 mm, round half up
TRAVEL, FORCE = 13, 26
LOOSE_MV, FINGER_MV, BROKEN_MV = 330, 500, 3300  # of an amplified sensor: 0, 10 N, open
NAMES = [check.name for check in wiring.steps(command.Person())]
NOT_FITTED = {"limit switch", "force sensor"}


class Worker:
    """The person at ``bench``: does what is said, and sees to it that all is well.

    ``deeds``: a part of what is said -> what to do; ``answers``: a part of a question -> the
    answer, yes where none fits.
    """

    def __init__(self, bench: VirtualBench) -> None:
        self.heard: list[str] = []
        self.deeds: dict[str, Callable[[], None]] = {
            "Press the stop button": bench.press,
            "Release the button": bench.release,
        }
        self.answers = {"fitted": False}

    def tell(self, text: str) -> None:
        self.heard.append(text)
        for part, deed in self.deeds.items():
            if part in text:
                deed()

    def confirm(self, question: str) -> bool:
        self.tell(question)
        return next((answer for part, answer in self.answers.items() if part in question), True)


@pytest.fixture
def worker(bench: VirtualBench, monkeypatch: pytest.MonkeyPatch) -> Worker:
    made = Worker(bench)
    monkeypatch.setattr(command, "Person", lambda: made)
    return made


def fit(inner: Any) -> None:
    """A limit switch and a force sensor, both well."""
    inner.fitted = {"TRAVEL": TRAVEL, "FORCE": FORCE}
    inner.world.volts_mv = {FORCE: LOOSE_MV}
    inner.world.pads.drive(TRAVEL, 0)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[VirtualBench, Worker]]:
    bench = VirtualBench(fit)
    for module in (common, doctor):
        monkeypatch.setattr(module, "open_transport", lambda *args: bench)
    monkeypatch.setenv("TITRA_PORT", "bench")
    worker = Worker(bench)
    world = bench.inner.world
    worker.answers = {}
    worker.deeds |= {
        "Held?": lambda: world.pads.drive(TRAVEL, None),
        "Is a force sensor": lambda: world.pads.drive(TRAVEL, 0),
        "Pressed?": lambda: world.volts_mv.update({FORCE: FINGER_MV}),
        "Loose?": lambda: world.volts_mv.update({FORCE: LOOSE_MV}),
    }
    monkeypatch.setattr(command, "Person", lambda: worker)
    yield bench, worker
    bench.pump.close()


def verdicts(said: dict[str, Any]) -> dict[str, str]:
    return {row["check"]: row["verdict"] for row in said["checks"] if row["check"] in NAMES}


def found(said: dict[str, Any], check: str) -> str:
    return next(row["found"] for row in said["checks"] if row["check"] == check)


def state() -> str:
    return str(run_json("status")[1]["state"])


@pytest.mark.requirement("HOST-17")
def test_a_bench_that_is_wired_right(bench: VirtualBench, worker: Worker) -> None:
    code, said = run_json("doctor", "--wiring")
    assert code == 0 and said["healthy"] is True
    assert verdicts(said) == {n: "skipped" if n in NOT_FITTED else "ok" for n in NAMES}
    assert f"{STEPS} commanded, {STEPS} counted" in found(said, "step count")
    assert bench.pump.step_edges == STEPS and state() == "idle"
    order = ["nobody connected", "turn freely", "Press the stop", "Release", "It turns for"]
    places = [next(n for n, text in enumerate(worker.heard) if part in text) for part in order]
    assert places == sorted(places)


@pytest.mark.requirement("HOST-17")
def test_parts_that_are_fitted(fitted: tuple[VirtualBench, Worker]) -> None:
    bench, _ = fitted
    code, said = run_json("doctor", "--wiring")
    assert code == 0 and verdicts(said) == dict.fromkeys(NAMES, "ok")
    moved = bench.pump.step_edges - STEPS
    assert 0 < moved < STEPS // 10  # when the sensor was loose
    assert run_json("settings", "occlusion-force")[1]["occlusion-force"] == "40N"


@pytest.mark.requirement("HOST-17")
@pytest.mark.parametrize(
    ("part", "deed", "check", "word"),
    [
        ("Held?", lambda world: None, "limit switch", "not refused; stopped again"),
        ("Pressed?", lambda world: None, "force sensor", "pressed: a start was not refused"),
        ("Pressed?", lambda world: world.volts_mv.update({FORCE: BROKEN_MV}),
         "force sensor", "pressed: refused: unsafe"),
        ("Loose?", lambda world: None, "force sensor", "loose: refused: unsafe"),
    ],
)  # fmt: skip
def test_parts_that_do_not_tell(
    fitted: tuple[VirtualBench, Worker],
    part: str,
    deed: Callable[[Any], None],
    check: str,
    word: str,
) -> None:
    bench, worker = fitted
    worker.deeds[part] = lambda: deed(bench.inner.world)
    code, said = run_json("doctor", "--wiring")
    assert code == 7 and verdicts(said)[check] == "fail"
    assert word in found(said, check)
    assert run_json("settings", "occlusion-force")[1]["occlusion-force"] == "40N"
    assert state() in wiring.AT_REST


@pytest.mark.requirement("HOST-17")
@pytest.mark.parametrize("do", ["Press the stop button", "Release the button"])
def test_a_stop_loop_that_does_not_follow_ends_it_before_the_motor_turns(
    bench: VirtualBench, worker: Worker, do: str
) -> None:
    del worker.deeds[do]
    code, said = run_json("doctor", "--wiring")
    assert code == 7 and verdicts(said)["stop button"] == "fail"
    assert {verdicts(said)[name] for name in ("step count", "direction")} == {"skipped"}
    assert bench.pump.step_edges == 0


@pytest.mark.requirement("HOST-17")
@pytest.mark.parametrize(
    ("question", "check"),
    [("turn freely", "motor off"), ("with force", "motor on"), ("forward", "direction")],
)
def test_what_the_person_does_not_see(
    bench: VirtualBench, worker: Worker, question: str, check: str
) -> None:
    worker.answers[question] = False
    code, said = run_json("doctor", "--wiring")
    assert code == 7 and verdicts(said)[check] == "fail"
    assert next(row["advice"] for row in said["checks"] if row["check"] == check)


@pytest.mark.requirement("HOST-17")
def test_steps_that_the_counter_misses_are_told(bench: VirtualBench, worker: Worker) -> None:
    counter = bench.inner.pump().controller._hal.counter
    counted = counter.steps
    before: list[int] = []

    def lossy() -> int:
        before.append(counted())
        return before[0] + (before[-1] - before[0]) * 9 // 10

    worker.deeds["It turns for"] = lambda: setattr(counter, "steps", lossy)
    code, said = run_json("doctor", "--wiring")
    assert code == 7 and verdicts(said)["step count"] == "fail"
    assert "did not end as ordered" in found(said, "step count")
    assert {verdicts(said)[name] for name in ("motor on", "direction")} == {"skipped"}


@pytest.mark.requirement("HOST-17")
def test_without_consent_nothing_moves(bench: VirtualBench, worker: Worker) -> None:
    worker.answers["nobody connected"] = False
    code, said = run_json("doctor", "--wiring")
    assert code == 2 and said["error"]["code"] == "not-confirmed"
    assert bench.pump.step_edges == 0 and len(worker.heard) == 2


@pytest.mark.requirement("HOST-17")
def test_a_pump_at_work_is_left_alone(bench: VirtualBench, worker: Worker) -> None:
    bench.infuse()
    code, said = run_json("doctor", "--wiring")
    assert (
        code == 2
        and said["error"]["code"] == "not-at-rest"
        and said["error"]["state"] == "infusing"
    )
    assert state() == "infusing" and worker.heard == []


def test_a_pump_that_is_ill_is_not_moved(bench: VirtualBench, worker: Worker) -> None:
    bench.press()
    assert run_json("doctor", "--wiring")[0] == 7
    assert worker.heard == []


@pytest.mark.requirement("HOST-17")
def test_ctrl_c_stops_the_pump(bench: VirtualBench, worker: Worker) -> None:
    """While the motor turns."""

    def later() -> None:
        until = bench.clock() + 2
        read = bench.read

        def interrupted(timeout_s: float) -> bytes:
            if bench.clock() > until:
                bench.read = read
                signal.raise_signal(signal.SIGINT)
            return read(timeout_s)

        bench.read = interrupted

    worker.deeds["It turns for"] = later
    code, said = run_json("doctor", "--wiring")
    assert code == 5 and said["healthy"] is False
    edges = bench.pump.step_edges
    assert 0 < edges < STEPS and state() == "idle"
    bench.read(5.0)
    assert bench.pump.step_edges == edges


def test_a_person_is_asked_on_standard_error(bench: VirtualBench) -> None:
    """Nobody answers: refused."""
    result = run("doctor", "--wiring", "--json")
    assert result.exit_code == 2 and "not-confirmed" in result.stdout
    assert "Is nobody connected" in result.stderr
    assert bench.pump.step_edges == 0


def test_ctrl_c_at_a_question_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object, **more: object) -> bool:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise typer.Abort from None

    monkeypatch.setattr(typer, "confirm", interrupt)
    with pytest.raises(typer.Abort):
        command.Person().confirm("?")


def test_the_help_teaches() -> None:
    text = run("doctor", "--help").stdout
    for word in ("--wiring", "no syringe", "Ctrl-C"):
        assert word in text
