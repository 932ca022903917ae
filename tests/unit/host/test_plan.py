"""``titra plan``: every figure against Fractions, and what a person reads."""

from __future__ import annotations

import csv
import io
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from titra import prescription
from titra.margins import Margin
from titra.prescription import HostPlan, compute
from titra.prescription import board_settings as real_board_settings
from titra.timetable import COLUMNS, timetable

from .commands import BENCH, STEPS, options, run, run_json

COMMON = {name: text for name, text in BENCH.items() if name not in ("dose", "over")}
LOAD = ("dose=0.25mg/kg over=10min", "rate=0.3mg/kg/h over=30min")
TAPER = (*LOAD, "pause=15min", "rate=21mL/h to=0mL/h over=1h")
STEP_NL = Fraction("138.8246")


def words(*phases: str) -> list[dict[str, str]]:
    return [dict(word.split("=") for word in one.split()) for one in phases]


def typed(*phases: str, **changes: str | None) -> list[str]:
    given = options(dose=None, over=None, **changes)
    return given + [word for one in phases for word in ("--phase", one)]


def planned(*phases: str) -> HostPlan:
    return compute(COMMON, phases=words(*phases))


# figures ---------------------------------------------------------------------------------------


def test_phases_add_up_exactly() -> None:
    code, said = run_json("plan", *typed(*TAPER))
    assert code == 0
    # 0.25 and 0.15 mg/kg in 70 kg at 1 mg/mL; nothing; half of 21 mL/h for an hour
    volumes = [Fraction(17_500_000), Fraction(10_500_000), Fraction(0), Fraction(10_500_000)]
    assert [Fraction(phase["volume_nl"]) for phase in said["phases"]] == volumes
    assert Fraction(said["total_volume_nl"]) == Fraction(said["total_dose_ng"]) == sum(volumes)
    assert said["duration_us"] == 115 * 60 * 10**6
    total, before = Fraction(0), 0
    for phase, volume in zip(said["phases"], volumes):
        total += volume
        after = int(total / STEP_NL + Fraction(1, 2))
        assert phase["steps"] == after - before
        before = after
    assert said["steps"] == before
    assert Fraction(said["rounding_nl"]) == before * STEP_NL - total
    assert Fraction(said["rounding_percent"]) == 100 * (before * STEP_NL / total - 1)
    assert Fraction(said["syringe"]["used_percent"]) == 100 * total / 60_000_000
    assert Fraction(said["step_hz"]) == Fraction(before, 115 * 60)
    assert Fraction(said["interval_us"]) == 1 / Fraction(said["step_hz"]) * 10**6


def test_one_phase_by_its_options_is_the_same_plan() -> None:
    _, plain = run_json("plan", *options())
    _, phased = run_json("plan", *typed("dose=0.5mg/kg over=40min"))
    assert plain == phased and plain["steps"] == STEPS
    assert plain["phases"][0]["entered"] == {"dose": "0.5mg/kg", "over": "40min"}


@pytest.mark.parametrize(
    "given",
    [
        {"rate": "52.5mL/h", "over": "40min"},
        {"rate": "52.5mL/h", "volume": "35mL"},
        {"volume": "35mL", "over": "40min"},
        {"rate": "0.75mg/kg/h", "dose": "35mg"},
        {"dose": "0.5mg/kg", "over": "2400s"},
    ],
)
def test_any_two_of_amount_rate_and_time(given: dict[str, str]) -> None:
    code, said = run_json("plan", *options(**{"dose": None, "over": None, **given}))
    assert code == 0
    figures = (said["steps"], said["total_volume_nl"], said["duration_us"])
    assert figures == (STEPS, "35000000", 2_400_000_000)


def test_the_timetable_is_whole() -> None:
    plan = planned(*TAPER)
    lines = list(timetable(plan))
    assert [(line.phase, line.stretch) for line in lines[:4]] == [(1, 1), (2, 1), (3, 1), (4, 1)]
    assert len(lines) == 13
    for before, after in zip(lines, lines[1:]):
        assert after.start_us == before.end_us
        assert after.first_step == before.first_step + before.steps
        assert after.total_nl == before.total_nl + after.volume_nl
    last = lines[-1]
    assert (last.end_us, last.total_nl) == (plan.duration_us, plan.total_volume_nl)
    assert last.first_step + last.steps == plan.steps
    # stair n of 10 has the rate of the line at its middle
    rates = [line.rate_nl_per_s * 3600 / 10**6 for line in lines[3:]]
    assert rates == [21 - Fraction(21 * (2 * n + 1), 20) for n in range(10)]
    for line in lines:
        assert abs((line.first_step + line.steps) * STEP_NL - line.total_nl) <= STEP_NL / 2


def test_csv_is_the_timetable() -> None:
    result = run("plan", *typed(*TAPER), "--csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert result.exit_code == 0 and tuple(rows[0]) == COLUMNS
    plan = planned(*TAPER)
    assert sum(int(row["steps"]) for row in rows) == plan.steps
    assert rows[1]["start_s"] == "600.000000" and rows[1]["rate_ml_h"] == "21.000000"
    assert (rows[2]["rate_ml_h"], rows[2]["interval_us"]) == ("0.000000", "")
    assert rows[-1]["total_ml"] == rows[-1]["total_ml"] == "38.500000"
    bare = run("plan", *options(dose=None, weight=None, concentration=None, volume="1mL"), "--csv")
    assert next(csv.DictReader(io.StringIO(bare.stdout)))["dose_mg"] == ""


# limits ----------------------------------------------------------------------------------------


@pytest.fixture
def real_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prescription, "board_settings", real_board_settings)


def margins(kind: str, *args: str, **changes: Any) -> list[dict[str, Any]]:
    _, said = run_json("plan", *options(**changes), *args)
    return [each for each in said["limits"] if each["kind"] == kind]


def test_the_distance_to_the_hard_limit(real_board: None) -> None:
    (third,) = margins("hard")
    assert (third["field"], third["given"], third["most"]) == ("dose", "0.5mg/kg", "1.5mg/kg")
    assert (third["below_most_percent"], third["least"]) == ("66.667", None)
    (at_it,) = margins("hard", dose="1.5mg/kg", concentration="10mg/mL", override="bench")
    assert at_it["below_most_percent"] == "0.000"


def test_the_hard_limit_is_of_all_phases_together(real_board: None) -> None:
    _, said = run_json("plan", *typed(*LOAD))
    (hard,) = (each for each in said["limits"] if each["kind"] == "hard")
    assert hard["below_most_percent"] == "73.333"  # 0.4 of 1.5 mg/kg


def test_the_distance_to_what_is_in_the_syringe() -> None:
    (full,) = margins("syringe")
    assert (full["most"], full["below_most_percent"]) == ("60mL", "41.667")
    (filled,) = margins("syringe", fill="35mL")
    assert (filled["most"], filled["below_most_percent"]) == ("35mL", "0.000")
    code, said = run_json("plan", *options(fill="34.9mL"))
    assert (code, said["error"]["code"], said["error"]["limit"]) == (2, "capacity", "34.9mL")


def test_the_slowest_and_the_fastest_rate_stand_against_the_motor() -> None:
    (one,) = margins("motor")
    assert (one["given"], one["least"], one["most"]) == ("52.500mL/h", "0.01mL/h", "1200mL/h")
    assert one["below_most_percent"] == "95.625"
    _, said = run_json("plan", *typed(*TAPER))
    rates = [each["given"] for each in said["limits"] if each["kind"] == "motor"]
    assert rates == ["21mL/h", "105.000mL/h"]


def test_the_devices_own_ranges_are_given_for_what_was_typed() -> None:
    edge = {"weight": "0.3kg", "over": "96h", "concentration": "0.1mg/mL"}
    device = {each["field"]: each for each in margins("device", **edge)}
    assert list(device) == ["weight", "concentration", "dose", "over"]
    assert device["weight"]["above_least_percent"] == "0.000"
    assert device["over"]["below_most_percent"] == "0.000"
    _, said = run_json("plan", *typed(*LOAD))
    times = [each["given"] for each in said["limits"] if each["field"] == "over"]
    assert times == ["10min", "30min"]


def test_a_limit_that_is_passed_stands_out() -> None:
    """A soft limit passed by a reason: the distance is negative."""
    passed = Margin("soft", "rate", "2mg/kg/h", "", "1mg/kg/h", None, Fraction(-100))
    assert passed.is_beyond and passed.as_json()["below_most_percent"] == "-100.000"
    assert not Margin("soft", "rate", "1mg/kg/h", "", "1mg/kg/h", None, Fraction(0)).is_beyond


# words -----------------------------------------------------------------------------------------

CASES = {
    "reference": options(),
    "taper": typed(*TAPER),
    "micrograms": typed(
        "dose=1mcg/kg over=10min",
        "rate=0.7mcg/kg/h over=1430min",
        concentration="40mcg/mL",
    ),
    "slow": options(dose=None, over="24h", rate="0.01mL/h", weight=None, concentration=None),
    "light": options(weight="450g", dose="0.02mg/kg", concentration="0.1mg/mL", syringe="bd-1",
                     volume_per_step=None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_fits_80_columns_and_nothing_is_cut(name: str) -> None:
    text = run("plan", *CASES[name]).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text and "\x1b" not in text


@pytest.mark.parametrize("name", CASES)
@pytest.mark.requirement("HOST-09")
def test_displays_obey_the_safe_abbreviations(name: str) -> None:
    """A leading zero, a space before the unit, mcg and mL; words of the wire are quoted apart."""
    shown = []
    for line in run("plan", *CASES[name]).stdout.splitlines():
        if re.match(r"│ (prescription|phase|canonical|  +│)|.*[⠀-⣿]", line):
            continue
        shown.append(line)
    text = "\n".join(shown)
    assert len(shown) > 15
    assert not re.search(r"(?<![\d.])\.\d", text), "a decimal without its zero"
    assert not re.search(r"\d(mL|mg|mcg|ng|nL|kg|min|us|Hz|s|h|%)\b", text), "no space"
    assert not re.search(r"\b(ug|µg|ml|cc|U|IU|hr|hrs|sec)\b", text)


def test_what_a_person_checks_is_there() -> None:
    text = run("plan", *typed(*TAPER)).stdout
    for word in (
        "phase 4         │ rate=21mL/h to=0mL/h over=1h",
        "titra-plan=1",
        "38.500 mg = 0.550 mg/kg",
        "105.000 mL/h = 105.000 mg/h = 1.500 mg/kg/h",
        "138.824600 nL",
        "64.2 % of 60.000 mL",
        "rounding error",
        " 4  0:55:00  1:00:00    21..0",
        "dots and right: volume, mL",
    ):
        assert word in text


def test_a_fill_is_what_the_percentage_is_of() -> None:
    assert "87.5 % of 40.000 mL" in run("plan", *options(fill="40mL")).stdout


# refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "code", "field"),
    [
        (options(dose="0.5"), "missing-unit", "dose"),
        (options(syringe=None), "missing-field", "syringe"),
        (typed("dose=1mg over=10min", "dose=1mg"), "missing-field", "over"),
        (typed("dose=1mg over=10min", "pause=1min over=2min"), "unknown-field", "over"),
        (typed("dose=1mg over=10min weight=70kg"), "unknown-field", "weight"),
        (typed("dose=1mg over"), "usage", "phase"),
        (typed("dose=1mg dose=2mg over=1min"), "usage", "phase"),
        ([*typed("pause=1min"), "--over", "40min"], "usage", "over"),
        (typed("dose=1mg over=1min", *["pause=1min"] * 16), "too-long", "phases"),
        ([*options(), "--csv"], "usage", "csv"),
    ],
)
def test_refusals(args: list[str], code: str, field: str) -> None:
    exit_code, said = run_json("plan", *args)
    assert (exit_code, said["error"]["code"], said["error"]["field"]) == (2, code, field)


def test_a_refusal_names_what_was_given_and_the_limit(real_board: None) -> None:
    code, said = run_json("plan", *options(dose="1.6mg/kg", concentration="10mg/mL"))
    assert code == 2
    error = {key: said["error"][key] for key in ("code", "field", "given", "limit")}
    assert error == {
        "code": "hard-limit",
        "field": "dose",
        "given": "1.6mg/kg",
        "limit": "1.5mg/kg",
    }


# beside the plan -------------------------------------------------------------------------------

SOFT = ("dose=0.8mg/kg over=40min", "pause=5min", "dose=0.4mg/kg over=20min")


@pytest.mark.requirement("DOSE-08")
def test_a_soft_limit_wants_a_reason_where_it_is_passed_and_nowhere_else(real_board: None) -> None:
    args = typed(*SOFT, concentration="10mg/mL")
    code, said = run_json("plan", *args)
    assert (code, said["error"]["code"], said["error"]["field"]) == (2, "soft-limit", "dose")
    code, said = run_json("plan", *args, "--override", "partial-answer")
    assert code == 0 and said["overridden"] == ["dose"] and said["override"] == "partial-answer"
    (soft,) = (
        each for each in said["limits"] if (each["kind"], each["field"]) == ("soft", "dose")
    )
    assert soft["below_most_percent"] == "-20.000"
    text = run("plan", *args, "--override", "partial-answer").stdout
    assert "dose; reason: partial-answer" in text and "-20.0 %" in text
    common = {**COMMON, "concentration": "10mg/mL", "override": "partial-answer"}
    verbs = [(verb, fields.get("override")) for verb, fields in
             compute(common, phases=words(*SOFT)).requests]  # fmt: skip
    assert verbs == [("program", None), ("phase", None), ("phase", "partial-answer")]


def test_a_reason_for_nothing_is_refused() -> None:
    code, said = run_json("plan", *options(override="why-not"))
    assert (code, said["error"]["code"], said["error"]["field"]) == (2, "needless", "override")


def test_kvo_follows_the_end_and_stands_in_the_hash() -> None:
    _, plain = run_json("plan", *options())
    code, said = run_json("plan", *options(kvo="1mL/h"))
    assert code == 0 and said["plan"] != plain["plan"] and said["steps"] == plain["steps"]
    assert Fraction(said["kvo"]["volume_nl"]) == 24_000_000 and plain["kvo"] is None
    assert (
        "1.000 mL/h for 24:00:00 h at most, 24.000 mL" in run("plan", *options(kvo="1mL/h")).stdout
    )
    code, said = run_json("plan", *options(kvo="1.1mL/h"))
    assert (code, said["error"]["field"], said["error"]["limit"]) == (2, "kvo", "1mL/h")


def test_limits_of_boluses_stand_in_the_hash() -> None:
    hashes = {run_json("plan", *options(**more))[1]["plan"] for more in
              ({}, {"lockout": "10min"}, {"hourly": "5mL"})}  # fmt: skip
    assert len(hashes) == 3


@pytest.mark.parametrize("given", [["--drug", "ketamine"], ["--library", "x.toml"]])
def test_drug_and_library_go_together(given: list[str]) -> None:
    code, said = run_json("plan", *options(), *given)
    assert (code, said["error"]["code"]) == (2, "missing-field")


EXAMPLES = Path(prescription.__file__).parent / "library_examples.toml"


def test_a_drug_brings_its_limits_and_stands_in_the_hash(real_board: None) -> None:
    drug = ["--drug", "ketamine-depression", "--library", str(EXAMPLES)]
    _, plain = run_json("plan", *options())
    code, said = run_json("plan", *options(), *drug)
    assert code == 0 and said["drug"] == "ketamine-depression" and said["plan"] != plain["plan"]
    hard = {(each["field"], each["most"]) for each in said["limits"] if each["kind"] == "hard"}
    assert ("dose", "1mg/kg") in hard and ("dose", "1.5mg/kg") in hard
    code, said = run_json("plan", *options(dose="1.1mg/kg", concentration="2mg/mL"), *drug)
    assert (code, said["error"]["code"], said["error"]["limit"]) == (2, "hard-limit", "1mg/kg")
    code, said = run_json("plan", *options(), "--drug", "nix", "--library", str(EXAMPLES))
    assert (code, said["error"]["code"], said["error"]["field"]) == (2, "unknown-drug", "drug")
