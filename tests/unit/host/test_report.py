"""The report: true figures, one file with nothing outside it, opened in a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from titra.protocol import Event
from titra.recording import Recording, load
from titra.report.curves import curves_of
from titra.report.page import Report
from titra.report.timing import spread
from titra.runs import Run, chosen
from titra.wirelog import WireLog

from .commands import run_json
from .fake_pump import FakePump, sealed
from .recordings import SimulatedRun, fake_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


class Page(HTMLParser):
    """Text and every reference of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.references: list[str] = []
        self.scripts = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "action", "data"):
                self.references.append(value or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())

    def __contains__(self, text: str) -> bool:
        return text in " ".join(word for word in self.words if word)


def made(path: Path) -> tuple[Recording, Run, Report]:
    recording = load(path)
    run, of = chosen(recording, None)
    return recording, run, Report(recording, run, of)


@pytest.fixture(scope="module")
def alarmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware: a pause, a host that does not read, an occlusion, an acknowledgement."""
    path = tmp_path_factory.mktemp("report") / "alarm.jsonl"
    pump = SimulatedRun(path)
    pump.run_s(60)
    pump.client.request("pause")
    pump.run_s(30)
    pump.client.request("resume")
    pump.run_s(20)
    pump.stall_s(6)  # the lease is 10 s, a heartbeat up to 2.5 s old
    pump.run_s(20)
    pump.occlude()
    pump.run_s(20)
    pump.close()
    return path


@pytest.mark.requirement("HOST-04")
def test_the_figures_are_the_pumps(tmp_path: Path, pump: FakePump) -> None:
    path = tmp_path / "run.jsonl"
    fake_run(path, pump)
    recording, run, report = made(path)
    page = Page(report.html())
    for word in (
        "complete",
        "35.000 mL",
        "100.00 % of the plan",
        "40:00 min",
        run.plan_hash,
        recording.sha256,
        "the host computes the same",
        "0.5mg/kg",
        "Titra,fake,0001,0.1.0",
        "None: every sample and every event",
    ):
        assert word in page, word


@pytest.mark.requirement("HOST-08")
def test_an_alarmed_run_with_a_gap(alarmed: Path) -> None:
    _, run, report = made(alarmed)
    page = Page(report.html())
    assert run.state == "alarm" and "occlusion" in page
    assert [gap.kind for gap in run.gaps] == ["telemetry"] and run.gaps[0].missing
    assert str(run.gaps[0].missing) in page and "None: every sample" not in page
    names = [one.report.fields["name"] for one in run.events]
    assert names[:4] == ["programmed", "started", "paused", "resumed"] and "alarm" in names


def test_the_curves_follow_plan_pause_and_gap(alarmed: Path) -> None:
    _, run, _ = made(alarmed)
    curves = curves_of(run)
    ((start, end),) = curves.pauses
    assert 59 < start < 61 and 89 < end < 91
    assert len(curves.gaps) == 1 and 3 < curves.gaps[0][1] - curves.gaps[0][0] < 9
    largest = curves.largest_deviation()
    assert largest and abs(largest[0]) < 2 * 0.139  # two steps: a healthy pump
    assert any(value != value for value in curves.measured_ml)  # nothing is drawn over the gap
    rates = [value for value in curves.measured_ml_h if value == value]
    assert rates and all(abs(rate - 52.5) < 0.6 for rate in rates)
    last_us = run.end.report.t_us if run.end else 0
    assert last_us and curves.t_s[-1] <= (last_us - run.began_us) / 1e6


@pytest.mark.requirement("HOST-04")
def test_the_page_needs_nothing_outside_it(alarmed: Path) -> None:
    html = made(alarmed)[2].html()
    page = Page(html)
    assert page.scripts == 0
    assert all(reference.startswith("#") for reference in page.references)
    assert not re.search(r"url\((?!#)", html) and "@import" not in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_the_same_recording_gives_the_same_pictures(alarmed: Path) -> None:
    pages = [re.sub(r"on \d{4}-.* UTC", "", made(alarmed)[2].html()) for _ in range(2)]
    assert pages[0] == pages[1]


def test_words_of_the_pump_are_no_markup(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    log = WireLog(path, "<b>port</b>")
    log.rx(b"Titra,<script>alert(1)</script>,0001,0.1.0\n", 0.0)
    log.rx(sealed("!1 event t=1ms boot=1 name=started plan=<script>x</script>"), 1.0)
    log.rx(sealed("!2 event t=9ms boot=1 name=fault cause=<img> state=fault"), 2.0)
    log.close()
    html = made(path)[2].html()
    assert "<script" not in html and "<img" not in html and "&lt;script&gt;" in html


def test_a_recording_that_began_in_mid_run(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    log = WireLog(path, "x")
    for second in range(9):
        log.rx(
            sealed(
                f"~{second + 1} t={90 + second}s boot=1 state=infusing rate=52.5mL/h "
                f"steps={second} delivered=0.{second}mL elapsed={30 + second}.000s"
            ),
            float(second),
        )
    log.close()
    _, run, report = made(path)
    page = Page(report.html())
    assert run.began_us == 60_000_000 and run.plan is None
    assert "recording ended" in page and "it began after the plan was made" in page
    assert curves_of(run).largest_deviation() is None


def test_spread_is_by_rank() -> None:
    found = spread("x", [float(value) for value in range(1, 101)])
    assert found and (found.least_s, found.median_s, found.p95_s, found.most_s) == (1, 50, 96, 100)
    assert spread("x", []) is None


def test_the_command_writes_page_and_pictures(alarmed: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, said = run_json("report", str(alarmed), "-o", str(page), "--plots", str(tmp_path / "p"))
    assert code == 0 and (said["state"], said["runs"]) == ("alarm", 1)
    assert said["sha256"] in page.read_text()
    kinds = {Path(one).suffix: Path(one).read_bytes()[:8] for one in said["plots"]}
    assert kinds[".png"] == b"\x89PNG\r\n\x1a\n" and kinds[".svg"].startswith(b"<?xml")


@pytest.mark.requirement("HOST-04")
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_shows_it_without_complaint(alarmed: Path, tmp_path: Path) -> None:
    page, picture = tmp_path / "page.html", tmp_path / "page.png"
    page.write_text(made(alarmed)[2].html(), encoding="utf-8")
    assert CHROMIUM
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    ran = subprocess.run(
        [
            CHROMIUM,
            *options,
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1060,2400",
            f"--screenshot={picture}",
            "--virtual-time-budget=2000",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert "CONSOLE" not in ran.stderr  # what the page's security policy refuses is told there
    assert picture.stat().st_size > 50_000


def test_every_event_of_the_run_is_in_the_table(alarmed: Path) -> None:
    _, run, report = made(alarmed)
    html = report.html()
    for entry in run.events:
        assert isinstance(entry.report, Event)
        assert f">{entry.report.boot}:{entry.report.seq}<" in html
