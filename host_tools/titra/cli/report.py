"""What ``infuse`` says before the start and after the end."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from titra import quantities as q
from titra.errors import ConnectionLost, PlanMismatch
from titra.infusion import Outcome
from titra.prescription import HostPlan

ENDS = {
    "complete": ("green", "complete: every step of the plan was counted"),
    "halted": ("yellow", "ended early by stop"),
    "stopped": ("red", "stopped and latched; wants `titra ack`"),
    "alarm": ("red", "stopped by an alarm and latched; wants `titra ack`"),
    "fault": ("red", "the pump found itself at fault; wants `titra ack`"),
}


def compare_plans(answer: Mapping[str, str], planned: HostPlan) -> None:
    """Raise PlanMismatch unless pump and host computed the same plan."""
    steps = q.whole(answer.get("steps"))
    if answer.get("plan") == planned.hash and steps == planned.steps:
        return
    raise PlanMismatch(
        f"NOT STARTED: the pump's plan is {answer.get('plan')} with {answer.get('steps')} steps, "
        f"the host's is {planned.hash} with {planned.steps}. Is it the board "
        f"{planned.board}? Do firmware and tool have the same version?",
        details={
            "field": "plan",
            "given": answer.get("plan", ""),
            "limit": planned.hash,
        },
    )


def plans_table(answer: Mapping[str, str], planned: HostPlan) -> Table:
    """The pump's answer beside the host's own computation."""
    table = Table(title="the plan, computed twice", title_justify="left")
    table.add_column("", style="cyan", no_wrap=True)
    table.add_column("pump says", overflow="fold")
    table.add_column("host computes", overflow="fold")
    rate_ml_h = planned.rate_nl_per_s * 3600 / 10**6
    dose = "-" if planned.total_dose_ng is None else q.show_mass(planned.total_dose_ng)
    fill = 100 * planned.total_volume_nl / planned.capacity_nl
    rows = (
        ("plan", planned.hash),
        ("steps", str(planned.steps)),
        ("total", dose),
        ("volume", q.show_volume(planned.total_volume_nl)),
        ("rate", f"{q.decimal(rate_ml_h)} mL/h"),
        ("duration", f"{q.decimal(planned.duration_us / 10**6)} s"),
        ("step", f"{q.decimal(planned.volume_per_step_nl, 6)} nL"),
    )
    for key, mine in rows:
        table.add_row(key, escape(answer.get(key, "-")), mine)
    said = {key for key, _ in rows}
    entered = planned.phases[0].entered if len(planned.phases) == 1 else {}
    for key, text in {**planned.fields, **entered}.items():
        if key in answer and key not in said:
            table.add_row(key, escape(answer[key]), escape(q.spaced(text)))
    table.add_row("syringe fill", "", f"{q.decimal(fill, 1)} %")
    table.add_row("volume per step", "", escape(planned.volume_per_step_from))
    return table


def run_json(outcome: Outcome, planned: HostPlan, edges: int | None) -> dict[str, object]:
    """The stable object of ``titra infuse --json``."""
    steps = outcome.delivered_steps
    result: dict[str, object] = {
        "state": outcome.state,
        "stop_cause": outcome.cause,
        "plan": planned.hash,
        "planned_steps": planned.steps,
        "delivered_steps": steps,
        "delivered_volume_nl": None if steps is None else q.exact(planned.delivered_nl(steps)),
        "elapsed_us": outcome.elapsed_us,
    }
    if outcome.before_reset:
        result["last_word"] = dict(outcome.before_reset)
    if edges is not None:
        result["step_edges"] = edges
    return result


def print_outcome(
    console: Console, outcome: Outcome, planned: HostPlan, edges: int | None
) -> None:
    """The summary for people."""
    colour, meaning = ENDS.get(outcome.state, ("red", f"the pump is {outcome.state}"))
    if outcome.before_reset:
        colour, meaning = "red", "the pump was reset in mid-run"
    table = Table(title=f"[bold {colour}]{escape(meaning)}[/]", title_justify="left")
    table.show_header = False
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    steps = outcome.delivered_steps
    table.add_row("state", f"[{colour}]{escape(outcome.state)}[/]")
    table.add_row("cause", escape(outcome.cause))
    table.add_row("planned", f"{planned.steps} steps")
    if steps is None:
        table.add_row("delivered", "the pump does not know any more")
    else:
        share = q.decimal(Fraction(100 * steps, planned.steps), 2)
        volume = planned.delivered_nl(steps)
        table.add_row("delivered", f"{steps} steps = {share} %")
        table.add_row("volume", f"{q.show_volume(volume)} = {q.decimal(volume)} nL")
    if outcome.before_reset:
        said = " ".join(f"{key}={value}" for key, value in outcome.before_reset.items())
        table.add_row("before reset", escape(said))
    elif "delivered" in outcome.said:
        table.add_row("pump says", escape(outcome.said["delivered"]))
    if outcome.elapsed_us is not None:
        table.add_row("motion", f"{q.show_time(outcome.elapsed_us)} ({outcome.elapsed_us} us)")
    if edges is not None:
        table.add_row("STEP edges", f"{edges} counted by the simulator")
    console.print(table)


def print_lost(
    console: Console, lost: ConnectionLost, word: Mapping[str, str], policy: Mapping[str, str]
) -> None:
    """What is known when the link died: the last word, and what the pump will do."""
    console.print(f"[bold red]LINK LOST:[/] {escape(lost.message)}")
    said = " ".join(f"{key}={value}" for key, value in word.items()) or "nothing"
    console.print(f"  the pump's last word: {escape(said)}")
    console.print(f"  {escape(what_follows(policy))}")
    console.print("  To stop at once press the stop button. `titra status` shows what it did.")


def what_follows(policy: Mapping[str, str]) -> str:
    """What the pump does without a host, from the policy it agreed to at the start."""
    lease, on_loss = policy.get("lease", ""), policy.get("on-loss", "")
    if lease in ("", "off"):
        return "There is no lease: the pump goes on to the end of its plan."
    if on_loss == "finish":
        return f"After {lease} without a host it reports host-lost and FINISHES its plan."
    return f"After {lease} without a host it STOPS and latches (host-lost)."
