"""The page: one HTML file that holds everything, so that it can be mailed, kept and printed."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

from titra import __version__
from titra import quantities as q
from titra.protocol import Event
from titra.recording import Gap, Recording
from titra.report import figures, timing
from titra.report.curves import Curves, curves_of
from titra.results import Status
from titra.runs import OPEN_END, RESET, Run

# state of the end: tone of the page, what it means
ENDS: Mapping[str, tuple[str, str]] = {
    "complete": ("good", "Every step of the plan was counted."),
    "primed": ("good", "The line was filled."),
    "halted": ("warn", "Ended early by the stop verb."),
    "stopped": ("bad", "Stopped and latched."),
    "alarm": ("bad", "Stopped by an alarm and latched."),
    "fault": ("bad", "The pump found itself at fault and latched."),
    RESET: ("bad", "The pump was reset in mid-run."),
    OPEN_END: ("none", "The recording ends while the run goes on."),
}
QUIET = ("programmed", "settings", "silenced", "acked", "cleared", "boot")
Rows = list[tuple[str, str]]


class Report:
    """One run of a recording, ready to be drawn and written."""

    def __init__(self, recording: Recording, run: Run, of: int) -> None:
        self.recording = recording
        self.run = run
        self.of = of
        self.curves: Curves = curves_of(run)
        self.marks = _marks(run)

    def html(self) -> str:
        """The page."""
        jinja2: Any = import_module("jinja2")
        template = jinja2.Environment(
            loader=jinja2.PackageLoader("titra.report", "."),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        ).get_template("page.html.j2")
        text: str = template.render(**self._context())
        return text

    def volume_figure(self) -> Any:
        """Volume against the plan."""
        return figures.volume_figure(self.run, self.curves, self.marks)

    def rate_figure(self) -> Any:
        """Rate commanded and measured."""
        return figures.rate_figure(self.curves, self.marks)

    def plots(self, directory: Path) -> list[Path]:
        """Write both plots as PNG and SVG; returns the paths. OSError."""
        directory.mkdir(parents=True, exist_ok=True)
        written = []
        drawn = (("volume", self.volume_figure()), ("rate", self.rate_figure()))
        for name, figure in drawn:
            for ending in ("png", "svg"):
                path = directory / f"run{self.run.number}-{name}.{ending}"
                figures.save(figure, path)
                written.append(path)
        return written

    def _context(self) -> dict[str, Any]:
        run, recording = self.run, self.recording
        tone, meaning = ENDS.get(run.state, ("bad", ""))
        return {
            "tone": tone,
            "state": run.state,
            "meaning": meaning,
            "cause": _cause(run),
            "title": f"Run {run.number} of {self.of}" if self.of > 1 else "Infusion",
            "begun": _host_time(run.begun.at),
            "pump": _pump_name(recording),
            "plan_hash": run.plan_hash or "unknown",
            "figures": self._key_figures(),
            "orders": [(order.verb, list(order.fields.items())) for order in run.orders],
            "plan": _plan_rows(run),
            "outcome": self._outcome_rows(),
            "volume_svg": figures.svg(self.volume_figure(), "volume"),
            "rate_svg": figures.svg(self.rate_figure(), "rate"),
            "events": _event_rows(run, self.marks),
            "timing": [_spread_row(one) for one in timing.spreads(run, recording)],
            "unanswered": timing.unanswered(run, recording),
            "gaps": [_gap_row(gap) for gap in run.gaps],
            "bad_lines": recording.bad_lines,
            "provenance": _provenance(recording, run),
            "version": __version__,
            "written": _host_time(datetime.datetime.now(datetime.UTC)),
        }

    def _key_figures(self) -> list[tuple[str, str, str]]:
        """(label, value, remark) of the row of large numbers."""
        run, word = self.run, self.run.last_word
        planned = run.planned_steps
        steps = word.steps if word else None
        share = ""
        if steps is not None and planned:
            share = f"{q.decimal(Fraction(100 * steps, planned), 2)} % of the plan"
        delivered = word.delivered_nl if word else None
        dose = word.dose_ng if word else None
        motion = _motion_us(run)
        mean = delivered * 3600 / motion if delivered is not None and motion else None
        largest = self.curves.largest_deviation()
        planned_dose = run.plan.dose_ng if run.plan else None
        return [
            ("Delivered", _volume(delivered), share),
            ("Dose", _mass(dose), "" if planned_dose is None else f"of {_mass(planned_dose)}"),
            ("Time", _time(motion), _of_time(run)),
            (
                "Mean rate",
                "–" if mean is None else f"{q.decimal(mean, 3)} mL/h",
                _of_rate(run),
            ),
            (
                "Largest deviation",
                "–" if largest is None else f"{largest[0]:+.3f} mcL",
                "plan unknown"
                if largest is None
                else f"at {q.show_time(int(largest[1] * 10**6))}",
            ),
        ]

    def _outcome_rows(self) -> Rows:
        run, word = self.run, self.run.last_word or Status.of({})
        rows = [("state", run.state), ("cause", _cause(run))]
        rows.append(("steps counted", _or_dash(word.steps)))
        if run.planned_steps is not None and word.steps is not None:
            rows.append(("steps missing", str(run.planned_steps - word.steps)))
        rows.append(("volume", word.fields.get("delivered", word.fields.get("primed", "–"))))
        rows.append(("dose", word.fields.get("dose", "–")))
        rows.append(("start to end", _time(_lasted_us(run))))
        if run.end:
            rows.append(("ended", _host_time(run.end.at)))
        if run.state == RESET:
            rows.append(("figures", "the last word before the reset"))
        return rows


def _cause(run: Run) -> str:
    if run.state == RESET and run.end:
        return f"reset ({run.end.report.fields.get('reset', '?')})"
    word = run.end.report.fields.get("cause", "none") if run.end else "none"
    return "–" if word == "none" else word


def _marks(run: Run) -> figures.Marks:
    """The events of the run itself that are worth a line in the plots, numbered from 1."""
    until = run.end.report if run.end else None
    marks: figures.Marks = []
    for entry in run.events:
        report = entry.report
        quiet = isinstance(report, Event) and report.name in QUIET
        if report.boot != run.boot or report.t_us is None or quiet:
            continue
        if until and until.boot == run.boot and report.t_us > (until.t_us or 0):
            continue
        at_s = (report.t_us - run.began_us) / q.US_PER_S
        if at_s >= 0:
            marks.append((len(marks) + 1, at_s, _tone(report) == "bad"))
    return marks


def _tone(report: Any) -> str:
    name = report.name
    if name in ("stopped", "fault", "post-failed", "exception", "host-lost"):
        return "bad"
    if name == "alarm":
        stops = report.fields.get("state") == "alarm" or report.fields.get("priority") == "high"
        return "bad" if stops else "warn"
    if name in ("halted", "overflow", "paused", "boot"):
        return "warn"
    return "good" if name in ("complete", "primed") else ""


def _event_rows(run: Run, marks: figures.Marks) -> list[dict[str, str]]:
    numbers = {at_s: number for number, at_s, _ in marks}
    rows = []
    for entry in run.events:
        report = entry.report
        at_s = None
        if report.boot == run.boot and report.t_us is not None:
            at_s = (report.t_us - run.began_us) / q.US_PER_S
        fields = report.fields.items()
        details = " ".join(f"{k}={v}" for k, v in fields if k not in ("t", "boot", "name"))
        rows.append(
            {
                "number": str(numbers.get(at_s, "")) if at_s is not None else "",
                "since": _clock(at_s),
                "mark": f"{report.boot}:{report.seq}",
                "host": entry.at.strftime("%H:%M:%S.%f")[:-3],
                "name": report.fields.get("name", ""),
                "details": details,
                "tone": _tone(report),
            }
        )
    return rows


def _plan_rows(run: Run) -> Rows:
    plan = run.plan
    if plan is None:
        return [("plan", "not in this recording: it began after the plan was made")]
    same = "the host computes the same" if run.host_plan else "not computed again by the host"
    rows = [("hash", f"{plan.hash}, {same}"), ("steps", str(plan.steps))]
    said = plan.fields
    for label, key in (
        ("volume", "volume"),
        ("dose", "total"),
        ("rate", "rate"),
        ("duration", "duration"),
        ("volume per step", "step"),
        ("syringe", "syringe"),
        ("acceleration adds", "ramps"),
        ("keep vein open", "kvo"),
    ):
        if key in said and (key != "rate" or len(run.orders) == 1):
            rows.append((label, said[key]))
    if run.policy:
        lease = run.policy.get("lease", "off")
        loss = run.policy.get("on-loss", "stop")
        rows.append(("host lease", "off" if lease == "off" else f"{lease}, then {loss}"))
    return rows


def _provenance(recording: Recording, run: Run) -> Rows:
    info, who = recording.info, recording.identity
    rows = [
        ("pump", who.raw if who else "unknown"),
        ("firmware", info.get("firmware", who.firmware if who else "unknown")),
        ("protocol", info.get("protocol", "unknown")),
        ("boot", str(run.boot)),
        ("capabilities", info.get("capabilities", "unknown").replace(",", ", ")),
        ("recorded by", f"titra {recording.head.get('titra', '?')}"),
        ("port", recording.head.get("port", "?")),
        ("recording", f"{recording.path.name}, {recording.size} bytes"),
        ("SHA-256 of the recording", recording.sha256),
        ("hash of the plan", run.plan_hash or "unknown"),
    ]
    if recording.first_at and recording.last_at:
        span = f"{_host_time(recording.first_at)} to {_host_time(recording.last_at)}"
        rows.insert(8, ("host time", span))
    return rows


def _pump_name(recording: Recording) -> str:
    who = recording.identity
    return f"{who.model} {who.serial}" if who else "unknown pump"


def _gap_row(gap: Gap) -> dict[str, str]:
    lasted = "to the end" if gap.lasted_s is None else f"{gap.lasted_s:.3f} s"
    return {
        "kind": gap.kind,
        "since": _host_time(gap.since),
        "lasted": lasted,
        "missing": _or_dash(gap.missing),
        "why": gap.why,
    }


def _spread_row(one: timing.Spread) -> list[str]:
    values = (one.least_s, one.median_s, one.p95_s, one.most_s)
    return [one.what, str(one.count), *(f"{1000 * value:.1f}" for value in values)]


def _lasted_us(run: Run) -> int | None:
    if run.end is None or run.state == RESET or run.end.report.t_us is None:
        return None
    return run.end.report.t_us - run.began_us


def _motion_us(run: Run) -> int | None:
    """Time in motion, to the end where it is known, else as the last sample tells it."""
    if run.end and run.state != RESET and run.end.report.t_us is not None:
        return run.motion_us(run.end.report.t_us)
    return run.last_word.elapsed_us if run.last_word else None


def _of_time(run: Run) -> str:
    duration = run.plan.duration_us if run.plan else None
    return "in motion" if duration is None else f"in motion, of {_time(duration)}"


def _of_rate(run: Run) -> str:
    rate = run.plan.rate_nl_per_s if run.plan and len(run.orders) == 1 else None
    return "" if rate is None else f"ordered {q.decimal(rate * 3600 / 10**6, 3)} mL/h"


def _volume(nl: Fraction | None) -> str:
    return "–" if nl is None else q.show_volume(nl)


def _mass(ng: Fraction | None) -> str:
    return "–" if ng is None else q.show_mass(ng)


def _time(us: int | None) -> str:
    return "–" if us is None else q.show_time(us)


def _or_dash(value: int | None) -> str:
    return "–" if value is None else str(value)


def _clock(at_s: float | None) -> str:
    if at_s is None:
        return "–"
    sign = "-" if at_s < 0 else ""
    minutes, seconds = divmod(abs(at_s), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{sign}{hours}:{minutes:02d}:{seconds:06.3f}"


def _host_time(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
