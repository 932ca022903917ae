"""``titra routes``: the published table, what it makes of a dose, and what it never does."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from titra.cli import routes as command
from titra.pk import NO_ADVICE
from titra.pk.routes import all_routes, note, pump_note

PUBLISHED = json.loads(
    (Path(__file__).resolve().parents[2] / "fixtures" / "pk_models.json").read_text()
)
REFERENCE = ("--dose", "0.5mg/kg", "--weight", "70kg")


def run(*args: str) -> Result:
    app = typer.Typer()
    app.command()(command.routes)
    return CliRunner().invoke(app, list(args))


def run_json(*args: str) -> tuple[int, dict[str, Any]]:
    result = run(*args, "--json")
    assert result.stdout.count("\n") == 1, result.output
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.requirement("PK-03")
def test_the_table_is_the_published_one() -> None:
    ours = [
        {"route": route.name, "bioavailability": route.share.text, "source": route.source}
        for route in all_routes()
    ]
    assert ours == PUBLISHED["routes"]
    assert note() in PUBLISHED["route_note"]
    assert pump_note().removeprefix("The ") in PUBLISHED["route_note"]


def test_the_numbers_are_those_of_the_text() -> None:
    for route in all_routes():
        for share in filter(None, (route.share, route.newer)):
            low, high = share.low_percent, share.high_percent
            digits = f"{low}-{high} %" if low != high else f"{low} %"
            assert digits in share.text
            if share is route.newer:
                assert digits in note() and route.name in note()


def test_json_without_a_dose() -> None:
    code, said = run_json()
    assert code == 0
    assert list(said) == ["drug", "dose_ng_per_kg", "weight_kg", "routes", "statements"]
    assert said["dose_ng_per_kg"] is said["weight_kg"] is None
    assert list(said["routes"][2]) == ["route", "source", "bioavailability", "percent", "newer"]
    assert said["statements"] == [note(), pump_note(), NO_ADVICE]


def test_json_with_dose_and_weight_is_exact() -> None:
    _, said = run_json(*REFERENCE)
    routes = {route["route"]: route for route in said["routes"]}
    assert (said["dose_ng_per_kg"], said["weight_kg"]) == ("500000", "70")
    assert routes["intravenous"]["available_ng"] == ["35000000", "35000000"]
    assert routes["sublingual"]["available_ng_per_kg"] == ["95000", "250000"]
    assert routes["intranasal"]["newer"]["available_ng"] == ["3850000", "5950000"]
    assert routes["oral"]["newer"]["bioavailability"] == "8 % (S-ketamine)"
    assert routes["rectal"]["newer"] is None
    for route in routes.values():
        low, high = map(Fraction, route["available_ng"])
        assert 0 < low <= high <= 35_000_000


def test_dose_without_weight_stays_per_kilogram() -> None:
    _, said = run_json("--dose", "500mcg/kg")
    assert said["dose_ng_per_kg"] == "500000"
    assert all("available_ng" not in route for route in said["routes"])


@pytest.mark.requirement("PK-02")
def test_the_text_says_what_must_be_said() -> None:
    text = run(*REFERENCE).stdout
    for words in (
        "Newer measurements disagree (intranasal 11-17 %, oral S-ketamine 8 %).",
        "The pump infuses intravenously only and refuses any other route.",
        NO_ADVICE,
        "what of 0.5 mg/kg reaches the circulation, 70 kg",
        "0.095 to 0.25",
        "5.95 to 9.45",
        *(f"{route.name}: {route.source}" for route in all_routes()),
    ):
        assert words in text
    assert "available" not in run().stdout


def test_help_says_what_the_pump_refuses() -> None:
    text = " ".join(run("--help").stdout.split())
    assert "KETAMINE (no other drug)" in text and "refuses any other route" in text
    assert "nothing here is clinical advice" in text


@pytest.mark.parametrize(
    ("args", "code", "field"),
    [
        (["--weight", "70kg"], "missing-field", "dose"),
        (["--dose", "0.5"], "missing-unit", "dose"),
        (["--dose", "35mg"], "bad-unit", "dose"),
        (["--dose", "0mg/kg"], "out-of-range", "dose"),
        (["--dose", "0.5mg/kg", "--weight", "154lb"], "bad-unit", "weight"),
    ],
)
def test_refusals(args: list[str], code: str, field: str) -> None:
    exit_code, said = run_json(*args)
    assert (exit_code, said["error"]["code"], said["error"]["field"]) == (2, code, field)
    assert run(*args).exit_code == 2
