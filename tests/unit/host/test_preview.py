"""``titra preview``: figures, words that must be there, files, refusals."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from titra.cli import preview as command
from titra.errors import UsageError
from titra.pk import KETAMINE_ONLY, NO_ADVICE
from titra.pk.infusion import infusion
from titra.pk.models import all_models, observed
from titra.pk.outlook import Outlook, outlook
from titra.pk.terminal import charts
from titra.prescription import HostPlan, compute

from .commands import BENCH, options

PUBLISHED = json.loads(
    (Path(__file__).resolve().parents[2] / "fixtures" / "pk_models.json").read_text()
)
ENDS = PUBLISHED["golden_70kg"]["35mg_over_40min_end_ng_per_ml"]
STOPS = PUBLISHED["golden_70kg"]["stop_at_20min_of_40_c"]
DISAGREE = (
    "The models disagree: at the end of this plan 177 (clements) to 253 (kamp) ng/mL, "
    "a factor of 1.4; half of it is gone after 1.74 (domino) to 36.6 (clements) min"
)


def run(*args: str, **changes: str | None) -> Result:
    app = typer.Typer()
    app.command()(command.preview)
    return CliRunner().invoke(app, [*options(**changes), *args])


def run_json(*args: str, **changes: str | None) -> tuple[int, dict[str, Any]]:
    result = run(*args, "--json", **changes)
    assert result.stdout.count("\n") == 1, result.output
    return result.exit_code, json.loads(result.stdout)


def planned(**changes: Any) -> HostPlan:
    return dataclasses.replace(compute(BENCH), **changes)


def seen_ahead(stops_us: tuple[int, ...] = (), plan: HostPlan | None = None) -> Outlook:
    return outlook(plan or planned(), all_models(), stops_us)


# figures ---------------------------------------------------------------------------------------


def test_json_holds_everything() -> None:
    code, said = run_json("--disconnect", "20min")
    assert code == 0
    assert list(said) == [
        "plan",
        "drug",
        "weight_kg",
        "total_dose_ng",
        "duration_us",
        "models",
        "disagreement",
        "observed",
        "curves",
        "statements",
    ]
    assert (said["weight_kg"], said["total_dose_ng"]) == (70, "35000000")
    assert [model["model"] for model in said["models"]] == [
        "domino",
        "clements",
        "kamp",
        "hijazi",
    ]
    for model in said["models"]:
        end, stop = model["runs"]
        assert list(end) == [
            "disconnect_min",
            "at_min",
            "ng_per_ml",
            "peak_ng_per_ml",
            "peak_at_min",
            "half_after_min",
            "to_100_after_min",
        ]
        assert (end["disconnect_min"], end["at_min"], stop["disconnect_min"]) == (None, 40, 20)
        assert round(end["ng_per_ml"], 1) == ENDS[model["model"]]
        assert round(stop["ng_per_ml"], 1) == STOPS[model["model"]]
        assert end["peak_at_min"] == 40 and end["peak_ng_per_ml"] == end["ng_per_ml"]
        assert stop["peak_at_min"] == 20 and stop["half_after_min"] < end["half_after_min"]
        assert model["source"]


def test_json_says_by_how_much_the_models_disagree() -> None:
    _, said = run_json()
    (end,) = said["disagreement"]
    low, high = min(ENDS.values()), max(ENDS.values())
    assert (end["ng_per_ml"]["low_model"], end["ng_per_ml"]["high_model"]) == ("clements", "kamp")
    assert end["ng_per_ml"]["factor"] == pytest.approx(high / low, rel=1e-3)
    assert end["half_after_min"]["low_model"] == "domino"
    assert said["observed"] == {"text": PUBLISHED["observed"], "same_plan": True}
    assert said["statements"][0].startswith(DISAGREE)
    assert said["statements"][1:] == [NO_ADVICE, KETAMINE_ONLY]


def test_json_curves_pass_through_the_figures() -> None:
    _, said = run_json("--disconnect", "20min", "--until", "50min")
    minutes, series = said["curves"]["minutes"], said["curves"]["series"]
    assert (minutes[0], minutes[-1]) == (0, 50) and minutes == sorted(minutes)
    assert len(series) == 8 and {len(one["ng_per_ml"]) for one in series} == {len(minutes)}
    ends = {one["model"]: one["ng_per_ml"] for one in series if one["disconnect_min"] is None}
    assert {name: round(curve[minutes.index(40)], 1) for name, curve in ends.items()} == ENDS
    assert all(level >= 0 for one in series for level in one["ng_per_ml"])


def test_not_above_100_is_null() -> None:
    _, said = run_json(dose="0.05mg/kg")
    assert all(model["runs"][0]["to_100_after_min"] is None for model in said["models"])
    assert said["observed"]["same_plan"] is False
    assert " below " in run(dose="0.05mg/kg").stdout


def test_a_disconnect_at_once_leaves_nothing() -> None:
    _, said = run_json("--disconnect", "0s")
    stop = said["models"][0]["runs"][1]
    assert (stop["ng_per_ml"], stop["half_after_min"]) == (0, None)
    assert said["disagreement"][1]["half_after_min"] is None
    assert "disconnected at 0 min there is nothing" in said["statements"][1]


def test_a_disconnect_after_the_end_changes_nothing() -> None:
    found = seen_ahead((60 * 60_000_000,))
    for end, stop in found.runs:
        assert end.course == stop.course and stop.at_min == 60
        assert stop.ng_per_ml == end.course.at(60)


def in_phases(*phases: str) -> HostPlan:
    common = {name: text for name, text in BENCH.items() if name not in ("dose", "over")}
    return compute(
        common, phases=[dict(word.split("=") for word in one.split()) for one in phases]
    )


def test_phases_follow_one_another() -> None:
    found = seen_ahead(plan=in_phases("dose=0.25mg/kg over=20min", "rate=52.5mL/h over=20min"))
    assert [(flow.minutes, flow.mg_per_min) for flow in found.infusion.flows] == [(20, 0.875)] * 2
    assert not found.is_reference()
    for (run,), (once,) in zip(found.runs, seen_ahead().runs):
        assert run.ng_per_ml == pytest.approx(once.ng_per_ml, rel=1e-12)


def test_a_pause_and_a_ramp_are_seen() -> None:
    """The ramp as the pump makes it: ten stairs."""
    plan = in_phases("dose=0.5mg/kg over=40min", "pause=15min", "rate=20mL/h to=0mL/h over=30min")
    flows = infusion(plan).flows
    assert [flow.mg_per_min for flow in flows[:2]] == [0.875, 0] and len(flows) == 12
    assert [flow.minutes for flow in flows[2:]] == [3] * 10
    assert [round(60 * flow.mg_per_min, 9) for flow in flows[2:]] == [
        19 - 2 * n for n in range(10)
    ]
    assert sum(flow.minutes * flow.mg_per_min for flow in flows) == pytest.approx(40)
    for (run,) in seen_ahead(plan=plan).runs:
        assert run.peak_min == pytest.approx(40) and run.at_min == 85
        assert run.course.at(55) < run.course.at(40)


# words -----------------------------------------------------------------------------------------


@pytest.mark.requirement("PK-02")
def test_the_text_says_what_must_be_said() -> None:
    text = run("--disconnect", "20min").stdout
    for words in (
        DISAGREE,
        "disconnected at 20 min 109 (clements) to 210 (domino) ng/mL",
        NO_ADVICE,
        KETAMINE_ONLY,
        PUBLISHED["observed"],
        "models disagree, no clinical advice",
        "* observed, Zarate 2006",
        *(model.source for model in all_models()),
        *(f"{level:.1f}" for level in (*ENDS.values(), *STOPS.values())),
    ):
        assert words in text
    assert "\x1b" not in text


def test_help_says_ketamine_only_and_no_advice() -> None:
    text = " ".join(run("--help").stdout.split())
    assert "KETAMINE (no other drug)" in text and "no" in text and "clinical advice" in text


def test_two_models_side_by_side() -> None:
    text = run("--model", "hijazi", "--model", "kamp").stdout
    assert "225 (hijazi) to 253 (kamp) ng/mL" in text and "domino" not in text


@pytest.mark.parametrize("width", [80, 100])
def test_the_chart_fits_the_terminal(width: int) -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", charts(seen_ahead((1_200_000_000,)), width))
    assert max(map(len, text.splitlines())) <= width
    for letter in "DCKH":
        assert text.count(letter) > 20
    assert "┤" in text and text.count("by minute") == 2


def test_the_table_fits_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows = [line for line in run("--disconnect", "20min").stdout.splitlines() if "│" in line]
    assert max(map(len, rows)) <= 80
    assert any("disconnect 20 min │ domino   │ 209.6" in row for row in rows)


# files -----------------------------------------------------------------------------------------


def test_png_is_a_picture_with_something_on_it(tmp_path: Path) -> None:
    path = tmp_path / "preview.png"
    assert run("--disconnect", "20min", "--out", str(path)).exit_code == 0
    image = pytest.importorskip("PIL.Image", reason="comes with matplotlib").open(path)
    assert image.format == "PNG" and min(image.size) >= 600
    assert len(image.convert("RGB").getcolors(1 << 20)) > 50


def test_svg_says_it_on_the_chart_and_is_the_same_each_time(tmp_path: Path) -> None:
    paths = [tmp_path / "a.svg", tmp_path / "b.SVG"]
    for path in paths:
        assert run("--out", str(path)).exit_code == 0
    text = paths[0].read_text()
    assert text == paths[1].read_text()
    for words in ("which disagree. No clinical advice.", NO_ADVICE, "Zarate 2006", "factor of"):
        assert words in text


def test_html_is_one_file_with_chart_table_and_words(tmp_path: Path) -> None:
    path = tmp_path / "preview.html"
    assert run("--out", str(path)).exit_code == 0
    text = path.read_text()
    assert text.startswith("<!doctype html>") and text.count("<svg") == 1
    for words in ("240.3", NO_ADVICE, "Clements &amp; Nimmo", "weight=70kg"):
        assert words in text
    assert "<script" not in text and "src=" not in text


def test_csv_holds_every_curve() -> None:
    result = run("--disconnect", "20min", "--csv")
    assert result.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert list(rows[0]) == ["minute", "model", "disconnect_min", "ng_per_ml"]
    assert {(row["model"], row["disconnect_min"]) for row in rows} == {
        (model, stop) for model in ENDS for stop in ("", "20")
    }
    ends = {
        row["model"]: row for row in rows if row["minute"] == "40" and not row["disconnect_min"]
    }
    assert {name: round(float(row["ng_per_ml"]), 1) for name, row in ends.items()} == ENDS


# refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"weight": None}, "missing-field", "weight"),
        ({"concentration": None}, "missing-field", "concentration"),
        ({"dose": "0.5"}, "missing-unit", "dose"),
    ],
)
def test_the_core_refuses_first(changes: dict[str, str | None], code: str, field: str) -> None:
    exit_code, said = run_json(**changes)
    assert (exit_code, said["error"]["code"], said["error"]["field"]) == (2, code, field)


@pytest.mark.parametrize(
    ("args", "field"),
    [
        (["--model", "kamp"], "model"),
        (["--model", "kamp", "--model", "marsh"], "model"),
        (["--disconnect", "20"], "disconnect"),
        (["--disconnect", "-1min"], "disconnect"),
        (["--until", "soon"], "until"),
        (["--until", "0s"], "until"),
        (["--out", "chart.pdf"], "out"),
        (["--out", "/nonexistent/chart.svg"], "out"),
        (["--csv"], "csv"),
    ],
)
def test_usage(args: list[str], field: str) -> None:
    exit_code, said = run_json(*args)
    assert (exit_code, said["error"]["code"], said["error"]["field"]) == (2, "usage", field)
    assert args == ["--csv"] or run(*args).stderr.startswith("titra: ")


def without(*names: str, **more: str) -> Mapping[str, str]:
    return {**{name: text for name, text in BENCH.items() if name not in names}, **more}


def test_a_plan_in_ml_is_refused() -> None:
    """A plan by rate and volume may lack what a preview needs."""
    cases = {
        "weight": planned(fields=without("weight")),
        "concentration": planned(total_dose_ng=None),
    }
    for field, plan in cases.items():
        with pytest.raises(UsageError, match=f"give --{field}") as refused:
            infusion(plan)
        assert (refused.value.code, refused.value.exit_code) == ("missing-field", 2)
        assert refused.value.details == {"field": field}


def test_another_drug_is_refused() -> None:
    for drug in ("propofol", "esketamine", "ketaminex"):
        with pytest.raises(UsageError, match="of ketamine only") as refused:
            infusion(planned(fields=without(drug=drug)))
        assert refused.value.details["given"] == drug
    for drug in ("ketamine", "ketamine-depression"):
        assert infusion(planned(fields=without(drug=drug))).weight_kg == 70


# speed -----------------------------------------------------------------------------------------


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    heavy = "{'numpy', 'matplotlib', 'plotext'}"
    code = f"import sys, titra.cli.preview, titra.cli.routes; print({heavy} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert said.stdout.strip() == "set()", said.stderr


def test_the_observed_range_is_that_of_its_text() -> None:
    text, seen = observed()["text"], observed()
    low, high = seen["dissociation_ng_per_ml"]
    for words in (f"{seen['end_ng_per_ml']} ng/mL", f"{low}-{high} ng/mL", seen["end_source"]):
        assert words in text
