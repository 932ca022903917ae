"""Scenario scripts: what is refused before anything moves, what fails, what is reported."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from titra import scenario as package
from titra.errors import UsageError
from titra.protocol import seal
from titra.scenario import Audience, Result, Scenario, ScenarioError, junit, play
from titra.scenario.grammar import STATUS, VERBS
from titra.scenario.values import Expected
from titra.simulator import SpawnedPump
from titra.targets import Rig

from .commands import run, run_json

PROGRAM = "program weight=70kg dose=0.05mg/kg over=2min concentration=1mg/mL syringe=bd-60"
DOCUMENT = Path(package.__file__).parents[1] / "SCENARIOS.md"


def on_sim(*steps: str, audience: Audience | None = None) -> Result:
    rig = Rig("sim")
    try:
        return play(Scenario.of("test", *steps), rig, audience)
    finally:
        rig.close()


# before anything moves ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("progam weight=70kg", "did you mean 'program'"),
        ("program weigth=70kg", "did you mean 'weight'"),
        ("program weight=70kg weight=80kg", "given twice"),
        ("wait", "one of state, event, time, delivered"),
        ("wait state=idle time=3s", "one of state, event, time, delivered"),
        ("wait state=stoped", "did you mean 'stopped'"),
        ("wait time=20", "a time with its unit"),
        ("wait state=idle within=soon", "a time with its unit"),
        ("wait delivered=much", "not a quantity"),
        ("silent", "a time with its unit"),
        ("expect deliverd=3mL", "did you mean 'delivered'"),
        ("expect delivered=3mL~1s", "one dimension"),
        ("expect delivered=3mL..1mL", "the first is larger"),
        ("expect", "wants fields"),
        ("expect event=stopped no-event=alarm", "one of"),
        ("expect reply=first steps=1", "takes `last`"),
        ("press-stop now=yes", "no field 'now'"),
        ("pause please", "not key=value"),
        ("start", "nothing to start"),
        ("send", "wants the line"),
        ("", "unknown step"),
    ],
)
def test_a_wrong_step_is_refused(step: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(said)):
        Scenario.of("test", step)


@pytest.mark.requirement("HOST-11")
def test_every_mistake_of_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(f'title = "x"\nsteps = [\n  "{PROGRAM}",\n  "strat",\n  "wait",\n]\n')
    code, said = run_json("run", str(file), "--target", "sim")
    assert code == 2 and said["error"]["code"] == "bad-scenario"
    assert [line.split(": ")[0] for line in said["error"]["message"].splitlines()] == [
        f"{file}:4",
        f"{file}:5",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "title = ",
        'title = "x"\nsteps = []',
        'title = "x"\nsteps = [1]',
        'steps = ["stop"]',
        'title = "x"\nstep = ["stop"]',
    ],
)
def test_a_file_that_is_no_scenario(text: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=str(file)):
        Scenario.load(file)
    with pytest.raises(ScenarioError):
        Scenario.load(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("expected", "said", "met"),
    [
        ("17.5mL", "17.500mL", True),
        ("17500mcL", "17.500mL", True),
        ("17.5mL", "17.501mL", False),
        ("17.5mL~0.02mL", "17.520mL", True),
        ("17.5mL~0.02mL", "17.521mL", False),
        ("17.5mL~0.02mL", "17.5s", False),
        ("17.5mL~0.02mL", "none", False),
        ("1min..2min", "120s", True),
        ("1min..2min", "120.001s", False),
        ("52.5mL/h", "52.500mL/h", True),
        ("126058~2", "126060", True),
        ("4.7V", "4.70V", True),
        ("idle", "idle", True),
        ("idle", "idler", False),
        ("!idle", "ready", True),
        ("!idle", "idle", False),
        ("idle", None, False),
    ],
)
def test_expected(expected: str, said: str | None, met: bool) -> None:
    assert Expected(expected).met_by(said) is met


# on a pump ---------------------------------------------------------------------------------------


@pytest.mark.requirement("HOST-11")
def test_a_failure_names_step_expectation_and_the_pumps_word() -> None:
    result = on_sim(PROGRAM, "expect state=infusing", "start", "wait state=complete")
    assert [each.verdict for each in result.steps] == ["passed", "failed", "not-run", "not-run"]
    failed = result.steps[1]
    assert failed.why == "state: expected infusing, the pump said ready"
    assert "state=ready" in failed.said and result.verdict == "failed"


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("start plan=00000000", "wrong-plan"),
        (PROGRAM + " refused=capacity", "expected a refusal with capacity"),
        ("bolus volume=1mL over=10s refused=capacity", "not-now"),
        ("wait event=complete within=3s", "not within 3.000 s; state is ready"),
        ("wait delivered=1mL within=2s", "last events: "),
        ("wait state=paused,infusing within=2s", "not within"),
        ("expect event=complete", "there was no event complete"),
        ("expect no-event=programmed", "there was an event programmed"),
        ("expect reply=last steps=1", "steps: expected 1"),
        ("expect telemetry=last state=idle", "the pump said ready"),
        ("expect step-edges=1", "step-edges: expected 1, the pump said 0"),
        ("expect primed=1mL", "the pump said nothing"),
    ],
)
def test_what_fails(step: str, why: str) -> None:
    result = on_sim(PROGRAM, "wait time=1s", step)
    assert result.steps[2].verdict == "failed" and why in result.steps[2].why


@pytest.mark.requirement("HOST-11")
def test_a_pump_left_moving_is_stopped_and_that_is_told() -> None:
    result = on_sim(PROGRAM, "start", "wait time=3s")
    assert result.verdict == "passed"
    assert re.fullmatch(r"the pump was infusing; stopped: halted 0\.0[89]\d+mL", result.closing)


def test_ctrl_c_stops_the_pump() -> None:
    class Impatient(Audience):
        """Has enough at the twelfth look."""

        looks = 0

        def enough(self) -> bool:
            self.looks += 1
            return self.looks > 12

    result = on_sim(PROGRAM, "start", "wait time=1h", "stop", audience=Impatient())
    assert [each.verdict for each in result.steps[2:]] == ["interrupted", "not-run"]
    assert result.verdict == "interrupted" and "stopped: halted" in result.closing


def test_a_run_of_somebody_else_is_left_alone() -> None:
    rig = Rig("sim")
    try:
        plan = re.search(rb"ok plan=(\w+)", _asked(rig, seal(PROGRAM)))
        assert plan
        _asked(rig, seal("start plan=" + plan.group(1).decode()))
        with pytest.raises(UsageError, match="begins with a pump at rest"):
            play(Scenario.of("mine", PROGRAM, "start"), rig)
        assert b"state=infusing" in _asked(rig, b"status\n")
    finally:
        rig.close()


def _asked(rig: Rig, line: bytes) -> bytes:
    rig.bench.write(line)
    return bytes(rig.bench.run_us(100_000))


def test_a_raw_line_is_sent_as_it_stands() -> None:
    result = on_sim("send status*0000", "expect reply=last code=bad-crc", "send nonsense")
    assert result.verdict == "passed" and "unknown-verb" in result.steps[2].said


@pytest.mark.requirement("HOST-11")
def test_a_bare_port_skips_what_wants_a_jig(pty_pair: tuple[int, str]) -> None:
    rig = Rig(pty_pair[1])
    result = play(Scenario.of("test", PROGRAM, "start", "press-stop"), rig)
    rig.close()
    assert result.verdict == "skipped"
    assert [each.verdict for each in result.steps] == ["not-run", "not-run", "skipped"]
    assert result.steps[2].why.endswith("has no stop-button")
    os.set_blocking(pty_pair[0], False)
    with pytest.raises(BlockingIOError):
        os.read(pty_pair[0], 1)  # nothing was sent


def test_every_field_of_status_that_can_be_expected_is_one() -> None:
    result = on_sim(PROGRAM, "start", "expect state=infusing")
    said = set(re.findall(r"([a-z-]+)=", result.steps[2].said))
    assert set(STATUS) - said <= {"primed", "phase"} and {"step-edges"} <= said


# the command -------------------------------------------------------------------------------------


def write(tmp_path: Path, name: str, *steps: str) -> str:
    path = tmp_path / f"{name}.toml"
    lines = "\n".join(f"  '{step}'," for step in steps)
    path.write_text(f'title = "{name}"\nsteps = [\n{lines}\n]\n')
    return str(path)


@pytest.mark.requirement("HOST-11")
def test_a_report_for_ci(tmp_path: Path) -> None:
    good = write(tmp_path, "good", "expect state=idle")
    bad = write(tmp_path, "bad", "expect state=ready", "stop")
    xml = tmp_path / "out" / "report.xml"
    result = run("run", good, bad, "--target", "sim", "--junit", str(xml))
    assert result.exit_code == 7
    assert f"{bad}:3" in result.stdout and "expected ready, the pump said idle" in result.stdout
    suites = ET.parse(xml).getroot().findall("testsuite")
    told = [(suite.get("name"), suite.get("failures"), suite.get("skipped")) for suite in suites]
    assert told == [("good", "0", "0"), ("bad", "1", "1")]
    failure = suites[1].find("testcase/failure")
    assert failure is not None and "state=idle" in (failure.text or "")
    case = suites[1].find("testcase")
    assert case is not None and (case.get("file"), case.get("line")) == (bad, "3")


def test_the_wire_is_kept(tmp_path: Path) -> None:
    good = write(tmp_path, "good", PROGRAM, "expect state=ready")
    kept = re.search(r"wire log: (\S+)", run("run", good, "--target", "sim").stderr)
    assert kept and kept.group(1).startswith(str(tmp_path))
    assert "run-good" in kept.group(1) and PROGRAM in Path(kept.group(1)).read_text()
    assert "wire log" not in run("run", good, "--target", "sim", "--no-wire-log").stderr


def test_json_and_exit_codes(tmp_path: Path) -> None:
    good = write(tmp_path, "good", "expect state=idle")
    code, said = run_json("run", good, "--target", "sim")
    assert code == 0 and said["scenarios"][0]["verdict"] == "passed"
    assert said["scenarios"][0]["steps"][0]["line"] == 3
    code, said = run_json("run", good, "--check")
    assert code == 0 and said["scenarios"] == [{"scenario": "good", "steps": 1, "needs": []}]
    assert (
        run_json("run", good, "--target", "sim", "--board", "nix")[1]["error"]["field"] == "board"
    )
    assert run_json("run", good, "--target", "/dev/ttyNOWHERE", "--yes")[0] == 3
    code, said = run_json("run", good, "--target", "/dev/ttyNOWHERE")
    assert (code, said["error"]["code"]) == (2, "not-confirmed")


def test_skipped_is_not_passed(tmp_path: Path, pty_pair: tuple[int, str]) -> None:
    file = write(tmp_path, "jig", "press-stop")
    args = ("run", file, "--target", pty_pair[1], "--yes")
    assert run(*args).exit_code == 7
    assert run(*args, "--allow-skips").exit_code == 0


def test_on_a_port_the_lease_is_kept() -> None:
    plan = Scenario.of(
        "port",
        "program weight=70kg dose=0.005mg/kg over=20s concentration=1mg/mL syringe=bd-60",
        "start lease=2s on-loss=stop",
        "wait delivered=0.1mL",
        "wait event=complete",
        "expect steps=2521 delivered=0.35mL",
    )
    pump = SpawnedPump(runtime="cpython", speed=20)
    try:
        rig = Rig(pump.port)
        result = play(plan, rig)
        rig.close()
    finally:
        pump.close()
    assert result.verdict == "passed", result.as_json()


def test_junit_is_whole() -> None:
    result = on_sim("expect state=idle")
    suite = ET.fromstring(junit([result])).find("testsuite")
    assert suite is not None and suite.get("tests") == "1" and suite.get("failures") == "0"


# documents ---------------------------------------------------------------------------------------


def test_the_document_knows_every_step() -> None:
    table = re.findall(r"^\| (`.*?) \|", DOCUMENT.read_text(), re.M)
    told = {word for row in table for word in re.findall(r"`([a-z-]+)`", row)}
    assert set(VERBS) <= told


def test_the_documents_examples_run(tmp_path: Path) -> None:
    text = DOCUMENT.read_text()
    toml = re.search(r"```toml\n(.*?)```", text, re.S)
    python = re.search(r"```python\n(.*?)```", text, re.S)
    assert toml and python
    (tmp_path / "example.toml").write_text(toml.group(1))
    assert run("run", str(tmp_path / "example.toml"), "--check").exit_code == 0
    subprocess.run([sys.executable, "-c", python.group(1)], check=True, timeout=60)
