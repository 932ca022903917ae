"""What a person checks of a plan: the whole of it, its phases, its limits."""

from __future__ import annotations

from fractions import Fraction
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from titra import quantities as q
from titra.margins import Margin
from titra.prescription import HostPhase, HostPlan
from titra.timetable import Line, timetable

LIMIT_PLACES = 6


def plan_table(plan: HostPlan) -> Table:
    """The whole plan."""
    table = Table(
        title=f"plan [bold]{plan.hash}[/] on {escape(plan.board)}",
        title_justify="left",
        show_header=False,
    )
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _rows(plan):
        table.add_row(name, escape(text))
    return table


def _rows(plan: HostPlan) -> list[tuple[str, str]]:
    several = len(plan.phases) > 1
    rows = [("prescription", plan.words)]
    if several:
        common = " ".join(f"{name}={text}" for name, text in plan.fields.items())
        rows = [("prescription", common)]
        rows += [(f"phase {n}", phase.words) for n, phase in enumerate(plan.phases, 1)]
    dose = "-" if plan.total_dose_ng is None else q.show_mass(plan.total_dose_ng)
    per_kg = plan.per_kg(plan.total_dose_ng)
    seconds = q.decimal(plan.duration_us / q.US_PER_S)
    used = f"{q.decimal(plan.fill_percent, 1)} % of {q.show_volume(plan.available_nl)}"
    error = f"{q.decimal(plan.rounding_nl)} nL = {q.decimal(plan.rounding_percent, 6)} %"
    return [
        *rows,
        ("canonical", plan.canonical),
        ("total dose", dose + (f" = {_drug(per_kg)}/kg" if per_kg else "")),
        ("total volume", q.show_volume(plan.total_volume_nl)),
        ("duration", f"{q.show_time(plan.duration_us)} ({seconds} s)"),
        ("rate" if not several else "first rate", _rate(plan, plan.rate_nl_per_s)),
        ("steps", str(plan.steps)),
        ("volume per step", f"{q.decimal(plan.volume_per_step_nl, 6)} nL"),
        ("  which is", plan.volume_per_step_from),
        ("step rate", _step_rate(plan)),
        ("syringe", f"{plan.syringe_name}, {used}"),
        ("rounding error", error),
        *_beside(plan),
    ]


def _beside(plan: HostPlan) -> list[tuple[str, str]]:
    """What a prescription may say beside the plan itself."""
    rows = []
    if plan.kvo:
        rate = q.decimal(plan.kvo.rate_nl_per_s / q.NL_PER_S_IN_ML_H)
        lasts = q.show_time(plan.kvo.duration_us)
        volume = q.show_volume(plan.kvo.volume_nl)
        rows.append(("then KVO", f"{rate} mL/h for {lasts} at most, {volume}"))
    if plan.overridden:
        reason = plan.fields["override"]
        rows.append(("beyond soft limit", f"{', '.join(plan.overridden)}; reason: {reason}"))
    return rows


def _rate(plan: HostPlan, rate_nl_per_s: Fraction) -> str:
    """The flow, and what it is in drug, where that is known."""
    said = [f"{q.decimal(rate_nl_per_s / q.NL_PER_S_IN_ML_H)} mL/h"]
    drug_ng_h = plan.drug_ng(rate_nl_per_s * 3600)
    if drug_ng_h is not None:
        said.append(f"{_drug(drug_ng_h)}/h")
        per_kg = plan.per_kg(drug_ng_h)
        said += [f"{_drug(per_kg)}/kg/h"] if per_kg is not None else []
    return " = ".join(said)


def _drug(ng: Fraction) -> str:
    """In mg from a tenth of one, else in mcg."""
    unit, size = _unit(ng)
    return f"{q.decimal(ng / size)} {unit}"


def _unit(ng: Fraction) -> tuple[str, int]:
    return ("mg", 10**6) if ng >= 10**5 else ("mcg", 1000)


def _step_rate(plan: HostPlan) -> str:
    """Mean step rate and interval of the whole, or their range where they differ."""
    intervals = [line.interval_us for line in timetable(plan) if line.interval_us]
    low, high = min(intervals), max(intervals)
    if len(plan.phases) == 1 and len(intervals) == 1:
        return f"{q.decimal(plan.step_hz, 6)} Hz, one every {q.decimal(low)} us"
    slow, fast = q.decimal(q.US_PER_S / high, 6), q.decimal(q.US_PER_S / low, 6)
    return f"{slow} to {fast} Hz, one every {q.decimal(high)} to {q.decimal(low)} us"


def phases_table(plan: HostPlan) -> Table:
    """When each phase starts, and what flows in it."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    columns = [("mL/h", 1 / q.NL_PER_S_IN_ML_H)]
    fastest = max(rate for phase in plan.phases for rate in phase.ends_nl_per_s)
    highest = plan.per_kg(plan.drug_ng(fastest * 3600))
    if highest is not None:
        unit, size = _unit(highest)
        columns.append((f"{unit}/kg/h", highest / fastest / size))
    names = ["", "starts", "lasts", *(name for name, _ in columns), "mL", "to mL", "steps"]
    for name in (*names, "us/step"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, lines in groupby(timetable(plan), key=lambda line: line.phase):
        phase = plan.phases[number - 1]
        rates = [_range([rate * size for rate in phase.ends_nl_per_s]) for _, size in columns]
        table.add_row(str(number), *_phase_cells(phase, list(lines), rates))
    return table


def _phase_cells(phase: HostPhase, lines: list[Line], rates: list[str]) -> list[str]:
    interval = phase.duration_us / phase.steps if phase.steps else None
    return [
        _clock(lines[0].start_us),
        _clock(phase.duration_us),
        *rates,
        q.decimal(phase.volume_nl / q.NL_PER_ML),
        q.decimal(lines[-1].total_nl / q.NL_PER_ML),
        str(phase.steps),
        "-" if interval is None else q.decimal(interval, 1),
    ]


def _range(values: list[Fraction]) -> str:
    """One figure, from..to of a ramp, or a dash for no flow."""
    low, *more = [q.decimal(value) for value in dict.fromkeys(values)]
    if more:
        return "..".join(text.rstrip("0").rstrip(".") for text in (low, *more))
    return low if any(values) else "-"


def _clock(us: Fraction) -> str:
    """h:mm:ss, with decimals of a second where there are any."""
    seconds = us / q.US_PER_S
    hours, rest = divmod(int(seconds), 3600)
    part = "" if seconds.denominator == 1 else q.decimal(seconds % 1, 3)[1:]
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}{part}"


def limits_table(margins: tuple[Margin, ...]) -> Table:
    """How far the plan is from each limit, in percent of the limit or of what was given."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("limit", no_wrap=True)
    table.add_column("of", no_wrap=True)
    for name, whole in (
        ("given", False),
        ("least", False),
        ("above", True),
        ("most", False),
        ("below", True),
    ):
        table.add_column(name, justify="right", no_wrap=whole)
    for each in margins:
        table.add_row(
            each.kind,
            each.field,
            _short(each.given),
            q.spaced(each.least) or "-",
            _distance(each.above_least),
            q.spaced(each.most) or "-",
            _distance(each.below_most),
            style="bold yellow" if each.is_beyond else "",
        )
    return table


def _short(text: str) -> str:
    """A quantity with at most six decimals; what was typed stands above as it was typed."""
    number, unit = q.split(text)
    exact = q.spaced(text)
    rounded = f"{q.decimal(number, LIMIT_PLACES)} {unit}"
    return exact if len(exact) <= len(rounded) else rounded


def _distance(percent: Fraction | None) -> str:
    return "-" if percent is None else f"{q.decimal(percent, 1)} %"
