"""Recordings: written so that nothing is lost, read whole, replayed, exported, gaps shown."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from titra import export, wirelog
from titra.client import PumpClient
from titra.errors import BadRecording, EndOfRecording
from titra.prescription import compute
from titra.protocol import Report, encode, seal
from titra.recording import EVENTS, LINK, TELEMETRY, load
from titra.replay import ReplayTransport
from titra.report.curves import curves_of
from titra.runs import OPEN_END, RESET, chosen, runs_of
from titra.wirelog import WireLog

from .commands import STEPS, press_ctrl_c, run, run_json
from .fake_pump import US, FakePump, sealed
from .recordings import fake_run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def replayed(path: Path) -> tuple[list[Report], PumpClient]:
    client = PumpClient(ReplayTransport(path), passive=True)
    heard: list[Report] = []
    with pytest.raises(EndOfRecording):
        while True:
            heard += client.poll(1.0)
    return heard + client.release(), client


def written(path: Path, *lines: str) -> None:
    """A recording of these lines from the pump, one second apart."""
    log = WireLog(path, "made")
    for at_s, line in enumerate(lines):
        log.rx(sealed(line), float(at_s))
    log.close()


@pytest.mark.requirement("HOST-03")
def test_a_replay_gives_what_the_live_client_gave(path: Path, pump: FakePump) -> None:
    heard: list[Report] = []
    client = PumpClient(pump, WireLog(path, "fake"))
    client.connect()
    client.request("telemetry", every="100ms")
    for name in ("programmed", "started"):
        pump.event(name)
    heard += client.poll(1)
    pump.mute = lambda line: "name=paused" in line
    pump.event("paused")
    pump.mute = lambda line: False
    pump.event("resumed")
    for _ in range(20):
        heard += client.poll(0.1)
    client.close()
    again, replay = replayed(path)
    assert [report.raw for report in again] == [report.raw for report in heard]
    assert replay.identity == client.identity and replay.info == client.info
    assert (replay.events_lost, replay.telemetry_lost) == (0, client.telemetry_lost)


@pytest.mark.requirement("HOST-03")
def test_what_was_received_is_in_the_file_before_anything_else_happens(path: Path) -> None:
    """No close, no flush by us: a kill at this point costs nothing."""
    log = WireLog(path, "x")
    for number in range(50):
        log.rx(b"line %d\n" % number, float(number))
        assert list(wirelog.records(path))[-1].data == b"line %d\n" % number
    log.close()


def test_a_recording_is_never_overwritten(path: Path, pump: FakePump) -> None:
    fake_run(path, pump)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        WireLog(path, "x")
    assert path.read_bytes() == before


@pytest.mark.requirement("HOST-08")
def test_gaps_are_found_and_counted(path: Path) -> None:
    written(
        path,
        "~1 t=1000ms boot=3 state=idle",
        "~4 t=4000ms boot=3 state=idle",
        "!1 event t=4500ms boot=3 name=boot",
        "!4 event t=5000ms boot=3 name=acked",
        "~1 t=100ms boot=4 state=idle",
    )
    found = load(path)
    assert [(gap.kind, gap.missing) for gap in found.gaps] == [(TELEMETRY, 2), (EVENTS, 2)]
    assert found.gaps[0].lasted_s == 3.0
    assert [one.report.raw.split("*")[0][:2] for one in found.events] == ["!1", "!4"]
    _, replay = replayed(path)
    assert (replay.telemetry_lost, replay.events_lost) == (2, 2)


def test_a_lost_link_is_a_gap(path: Path) -> None:
    log = WireLog(path, "x")
    log.rx(sealed("~1 t=1000ms boot=3 state=idle") + b"half a li", 1.0)
    log.link("down: unplugged", 2.0)
    log.link("up", 32.0)
    log.rx(sealed("~2 t=33000ms boot=3 state=idle"), 33.0)
    log.close()
    found = load(path)
    (gap,) = found.gaps
    assert (gap.kind, gap.lasted_s, gap.why) == (LINK, 30.0, "unplugged")
    assert len(found.samples) == 2 and found.bad_lines == 0


@pytest.mark.parametrize("text", ["", "hello\n", '{"a": 1}\n', "[]\n"])
def test_what_is_no_recording_is_refused(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(BadRecording):
        load(path)
    code, said = run_json("replay", str(path))
    assert (code, said["error"]["code"]) == (2, "bad-recording")


def test_a_spoilt_line_is_named(path: Path) -> None:
    written(path, "~1 t=1000ms boot=3 state=idle")
    path.write_text(path.read_text() + "oops\n")
    with pytest.raises(BadRecording, match="line 3"):
        load(path)


# runs ------------------------------------------------------------------------------------------


def test_the_run_in_a_recording(path: Path, pump: FakePump) -> None:
    fake_run(path, pump)
    (found,) = runs_of(load(path))
    assert found.state == "complete" and found.plan and found.plan.steps == STEPS
    assert found.orders[0].fields["dose"] == "0.5mg/kg"
    assert found.host_plan and found.host_plan.hash == found.plan_hash or not found.plan_hash
    assert found.due_nl(1200 * US) == Fraction(STEPS, 2) * Fraction("138.8246")
    assert found.last_word and found.last_word.steps == STEPS


def test_runs_end_as_the_pump_says(path: Path) -> None:
    written(
        path,
        "~1 t=900ms boot=3 state=infusing steps=5 elapsed=0.400s",
        "!5 event t=1000ms boot=3 name=halted cause=command state=halted steps=6",
        "!6 event t=2000ms boot=3 name=programmed plan=AAAA0001 steps=100",
        "!7 event t=3000ms boot=3 name=started plan=AAAA0001",
        "!8 event t=4000ms boot=3 name=alarm cause=near-end state=infusing",
        "!9 event t=4500ms boot=3 name=paused steps=3",
        "!10 event t=5500ms boot=3 name=resumed steps=3",
        "!11 event t=6000ms boot=3 name=alarm cause=occlusion state=alarm steps=7",
        "!12 event t=7000ms boot=3 name=started plan=AAAA0002",
        "!1 event t=100ms boot=4 name=boot reset=watchdog",
        "!2 event t=900ms boot=4 name=started plan=AAAA0003",
    )
    runs = runs_of(load(path))
    assert [one.state for one in runs] == ["halted", "alarm", RESET, OPEN_END]
    assert [one.plan_hash for one in runs] == ["", "AAAA0001", "AAAA0002", "AAAA0003"]
    assert runs[0].began_us == 500_000
    assert runs[1].motion_us(6_000_000) == 2_000_000
    assert [one.report.fields.get("name") for one in runs[1].events][0] == "programmed"
    code, said = run_json("report", str(path), "--run", "9")
    assert (code, said["error"]["limit"]) == (2, "1..4")
    assert chosen(load(path), None)[0].number == 4


# export ----------------------------------------------------------------------------------------


def test_export_shows_gaps_and_keeps_decimals(path: Path) -> None:
    written(
        path,
        "~1 t=1000ms boot=3 state=infusing rate=52.500mL/h delivered=0.123456789mL dose=0.1mg "
        "steps=17 commanded=19 planned=252117 elapsed=1.250s lease=10s",
        "~9 t=4000ms boot=3 state=infusing delivered=500mcL",
        "!1 event t=4500ms boot=3 name=halted cause=command",
    )
    recording = load(path)
    out = path.with_suffix(".csv")
    assert export.write(recording, out) == 4
    rows = list(csv.DictReader(out.open()))
    assert [row["kind"] for row in rows] == ["sample", "gap", "sample", "event"]
    assert rows[0]["delivered_ml"] == "0.123456789" and rows[0]["rate_ml_per_h"] == "52.5"
    assert Decimal(rows[2]["delivered_ml"]) == Decimal("0.5") and rows[0]["elapsed_s"] == "1.25"
    assert rows[0]["detail"] == "lease=10s" and rows[1]["missing"] == "7"
    assert rows[1]["delivered_ml"] == "" and rows[3]["name"] == "halted"


def test_parquet_has_types(path: Path, pump: FakePump) -> None:
    fake_run(path, pump)
    out = path.with_suffix(".parquet")
    code, said = run_json("export", str(path), "-o", str(out))
    table = parquet.read_table(out)
    assert code == 0 and table.num_rows == said["rows"] and table.column_names == [*export.COLUMNS]
    assert str(table.schema.field("host_time").type) == "timestamp[us, tz=UTC]"
    assert str(table.schema.field("steps").type) == "int64"
    assert max(value or 0 for value in table["delivered_ml"].to_pylist()) == 35.000041678


def test_export_knows_two_endings(path: Path, pump: FakePump) -> None:
    fake_run(path, pump)
    code, said = run_json("export", str(path), "-o", str(path.with_suffix(".xls")))
    assert (code, said["error"]["accepts"]) == (2, ".csv,.parquet")


# commands --------------------------------------------------------------------------------------


@pytest.mark.requirement("HOST-03")
def test_the_replay_command_shows_the_run(path: Path, pump: FakePump) -> None:
    fake_run(path, pump)
    shown = run("replay", str(path))
    assert (
        shown.exit_code == 0 and "* complete" in shown.output and "0 events lost" in shown.output
    )
    lines = [json.loads(line) for line in run("replay", str(path), "--json").stdout.splitlines()]
    assert lines[-1] == {"type": "end", "events_lost": 0, "telemetry_lost": 0, "bad_lines": 0}
    assert {line["type"] for line in lines} == {"event", "telemetry", "end"}


def record(pump: FakePump, path: Path, *args: str) -> list[dict[str, Any]]:
    """``titra record`` until Ctrl-C at 20000 s of the fake pump's time."""
    press_ctrl_c(1, 20_000 * US)(pump)
    shown = run("record", "--port", "x", "-o", str(path), "--json", *args)
    assert shown.exit_code == 0, shown.output
    return [json.loads(line) for line in shown.stdout.splitlines()]


@pytest.mark.requirement("HOST-01", "HOST-03")
def test_record_keeps_all_until_ctrl_c_and_steers_nothing(path: Path, wired: FakePump) -> None:
    wired.event("boot")
    wired.event("programmed")
    wired.state = "paused"
    lines = record(wired, path, "--since", "all", "--every", "500ms")
    assert [line["type"] for line in lines] == ["begin", "event", "event", "end"]
    assert lines[-1]["samples"] > 0 and lines[-1]["events_lost"] == 0
    assert [one.report.fields["name"] for one in load(path).events] == ["boot", "programmed"]
    assert wired.state == "paused" and wired.closed
    verbs = {line.split("*")[0].split(" ")[1] for line in wired.received if line != "*IDN?"}
    assert verbs <= {"info", "log", "telemetry", "status"}


def test_record_does_not_touch_an_old_recording(path: Path, wired: FakePump) -> None:
    path.write_text("precious")
    code, said = run_json("record", "--port", "x", "-o", str(path))
    assert (code, said["error"]["code"]) == (2, "usage") and path.read_text() == "precious"


@pytest.mark.requirement("LOG-03")
def test_log_prints_and_saves_what_came_after(tmp_path: Path, wired: FakePump) -> None:
    for name in ("boot", "programmed", "started", "paused", "resumed", "complete"):
        wired.event(name)
    shown = run("log", "--port", "x", "--since", "7:4", "--json").stdout.splitlines()
    assert [json.loads(line)["name"] for line in shown] == ["resumed", "complete"]
    assert run("log", "--port", "x").stdout.count("\n") == 6
    saved = tmp_path / "pump.log"
    assert "6 events saved" in run("log", "--port", "x", "-o", str(saved)).stdout
    assert [line[:2] for line in saved.read_text().splitlines()] == [f"!{n}" for n in range(1, 7)]
    code, said = run_json("log", "--port", "x", "--since", "yesterday")
    assert (code, said["error"]["field"]) == (2, "since")


def test_a_plan_of_phases_is_computed_again_and_a_change_ends_what_is_due(path: Path) -> None:
    common = {"syringe": "bd-60", "volume-per-step": "125nL"}
    phases = [{"volume": "1mL", "over": "60s"}, {"pause": "30s"}, {"volume": "2mL", "over": "60s"}]
    plan = compute(common, phases=phases)
    log = WireLog(path, "made")
    asked = [("program", {**common, **phases[0]}), ("phase", phases[1]), ("phase", phases[2])]
    asked.append(("start", {"plan": plan.hash}))
    for tag, (verb, fields) in enumerate(asked, 1):
        log.tx(seal(encode(verb, fields, tag)), float(tag))
        log.rx(sealed(f"{tag} ok plan={plan.hash} steps=24000 step=125nL state=x"), tag + 0.25)
    log.rx(sealed(f"!1 event t=10s boot=1 name=started plan={plan.hash}"), 10.0)
    log.rx(sealed("~1 t=80s boot=1 state=infusing steps=8000 elapsed=70s planned=24000"), 80.0)
    log.rx(sealed("!2 event t=90s boot=1 name=changed plan=AAAA0001 steps=40000"), 90.0)
    log.rx(sealed("~2 t=130s boot=1 state=infusing steps=19000 elapsed=120s planned=40000"), 130.0)
    log.close()
    run, _ = chosen(load(path), None)
    assert [order.verb for order in run.orders] == ["program", "phase", "phase"]
    assert [run.due_nl(s * US) for s in (30, 75, 120, 999)] == [
        500_000,
        10**6,
        2 * 10**6,
        3 * 10**6,
    ]
    assert run.planned_steps == 40_000
    due = curves_of(run).due_ml
    assert due[0] == 1.0 and due[1] != due[1]  # not a number
