"""The run of ``titra calibrate`` on one pump: purge, repeats, weights, result."""

from __future__ import annotations

import contextlib
from datetime import datetime
from statistics import mean

import typer
from rich.markup import escape

from titra import calibration as cal
from titra import quantities as q
from titra.calibration_store import Calibration
from titra.cli.calibrate_job import Job
from titra.cli.calibrate_report import say, signed, weights_text
from titra.cli.common import err, out
from titra.cli.interrupt import StopRequests
from titra.cli.report import compare_plans, plans_table, what_follows
from titra.cli.source import Source
from titra.cli.view import view_for
from titra.client import PumpClient
from titra.errors import OK, STOPPED_BY_OPERATOR, ConnectionLost, TitraError, UsageError
from titra.infusion import Infusion, Outcome, program
from titra.prescription import HostPlan

LEASE, ON_LOSS = "10s", "stop"
PERIOD_MIN_US, PERIOD_MAX_US = 20_000, 2_500_000  # telemetry in motion: a quarter of the lease
PERIOD_STILL = "60000ms"  # telemetry while the person weighs and nobody reads it
INCREDIBLE_PERCENT = 25


class Ended(Exception):
    """It ended before the last weight, in this state of the pump."""

    def __init__(self, state: str, cause: str, exit_code: int) -> None:
        super().__init__(state)
        self.state = state
        self.cause = cause
        self.exit_code = exit_code


class Session:
    """Purge and repeats on one pump; ``weighings`` grows as they are done."""

    def __init__(
        self, client: PumpClient, source: Source, job: Job, yes: bool, with_json: bool
    ) -> None:
        self.weighings: list[cal.Weighing] = []
        self.job = job
        self.source = source
        self.with_json = with_json
        self._client = client
        self._yes = yes

    def run(self, note: str) -> Calibration:
        """From connecting to the result. Raises Ended and TitraError; the pump then stands."""
        self._client.connect()
        try:
            self._prepare()
            for number in range(1, self.job.repeats + 1):
                self._repeat(number)
            result = cal.evaluate(self.weighings, self.job.density, self.job.geometry_nl)
        except (typer.Abort, KeyboardInterrupt):
            raise self._stopped() from None
        except ConnectionLost as lost:
            lost.message += ". " + what_follows({"lease": LEASE, "on-loss": ON_LOSS})
            raise self._with_weights(lost) from None
        except TitraError as error:
            raise self._with_weights(error) from None
        return self._entry(result, note)

    def _stopped(self) -> Exception:
        """After Ctrl-C at a question: stop, whatever the pump does, and take its word."""
        try:
            fields = self._client.stop().fields
        except TitraError as unheard:
            return self._with_weights(unheard)
        return Ended(fields.get("state", "unknown"), "command", STOPPED_BY_OPERATOR)

    def _prepare(self) -> None:
        """Let the pump agree to the plan of a repeat, then purge."""
        job = self.job
        self._say(
            f"{q.show_volume(job.needed_nl)} will be delivered: fill the syringe without bubbles, "
            "let all come to room temperature, keep the outlet in the liquid of the vessel."
        )
        answer = self._program(job.measure)
        if not self.with_json:
            out().print(plans_table(answer, job.measure))
        self._ask(f"Purge {q.show_volume(job.purge.total_volume_nl)} now?", self._yes)
        self._deliver(job.purge)

    def _repeat(self, number: int) -> None:
        """One delivery and its weight."""
        job = self.job
        volume = q.show_volume(job.measure.total_volume_nl)
        of = f"{number} of {job.repeats}"
        known = self._yes and bool(job.weights)
        self._ask(f"Repeat {of}: balance tared? Deliver {volume} now?", known)
        steps = self._deliver(job.measure)
        weighing = cal.Weighing(job.weights[number - 1], steps) if job.weights else None
        while weighing is None:
            weighing = self._weigh(of, steps)
        self.weighings.append(weighing)
        values = [each.volume_per_step_nl(job.density) for each in self.weighings]
        self._say(
            f"  {of}: {cal.plain(weighing.weight_g)} g for {steps} steps = "
            f"{q.decimal(values[-1])} nL/step, {self._off(weighing)} % off the geometry; "
            f"mean {q.decimal(mean(values))} nL"
        )

    def _weigh(self, of: str, steps: int) -> cal.Weighing | None:
        """What the person reads; None to ask again."""
        text = typer.prompt(f"Weight {of} in g (or with mg)")
        try:
            weighing = cal.Weighing(cal.read_weight(text), steps)
        except UsageError as wrong:
            err().print(escape(wrong.message))
            return None
        off = self._off(weighing)
        credible = abs(float(off)) <= INCREDIBLE_PERCENT
        question = f"{cal.plain(weighing.weight_g)} g is {off} % off the geometry. Keep it?"
        return weighing if typer.confirm(question, default=credible) else None

    def _off(self, weighing: cal.Weighing) -> str:
        one_nl = weighing.volume_per_step_nl(self.job.density)
        return signed(100 * (one_nl / self.job.geometry_nl - 1), 2)

    def _program(self, plan: HostPlan) -> dict[str, str]:
        """Program ``plan``; raises PlanMismatch unless the pump computed the same."""
        answer = program(self._client, plan)
        compare_plans(answer, plan)
        return answer

    def _deliver(self, plan: HostPlan) -> int:
        """Run ``plan`` to its end; the steps that the pump counted. Raises Ended."""
        period_us = max(PERIOD_MIN_US, min(self.source.period_us, PERIOD_MAX_US))
        with StopRequests() as asked:
            answer = self._program(plan)
            start = {"plan": plan.hash, **({"tenfold": "yes"} if "tenfold" in answer else {})}
            self._client.request("telemetry", every=f"{period_us // 1000}ms")
            run = Infusion(self._client, plan.steps, period_us)
            if asked.count:
                run.stop()
            else:
                run.start(start, LEASE, ON_LOSS)
                self._follow(run, asked)
            outcome = run.outcome()
            self._client.lease_us = None
            self._client.request("telemetry", every=PERIOD_STILL)
        return self._counted(outcome, bool(asked.count))

    def _follow(self, run: Infusion, asked: StopRequests) -> None:
        view = view_for(out(), self.with_json or not out().is_terminal, run.planned_steps)
        poll_s = getattr(self.source.transport, "poll_s", 1.0)
        with contextlib.closing(view):
            while not run.ended:
                if asked.count:
                    view.note("stopping ...")
                    run.stop()
                reports = run.follow(0 if run.ended else poll_s)
                view.update(run.word, run.steps, reports)

    @staticmethod
    def _counted(outcome: Outcome, stopped: bool) -> int:
        code = outcome.exit_code
        if stopped and code == OK:
            code = STOPPED_BY_OPERATOR
        if code != OK or outcome.delivered_steps is None:
            raise Ended(outcome.state, outcome.cause, code)
        return outcome.delivered_steps

    def _entry(self, result: cal.Result, note: str) -> Calibration:
        job, info = self.job, self._client.info
        return Calibration(
            syringe=job.syringe,
            serial=info.get("serial", "unknown"),
            date=datetime.now().astimezone().replace(microsecond=0),
            volume_per_step=result.text,
            n=len(self.weighings),
            cv_percent=float(q.decimal(result.cv_percent, 3)),
            spread=q.decimal(result.sd_nl, cal.PLACES) + "nL",
            confidence_95=q.decimal(result.ci95_nl, cal.PLACES) + "nL",
            geometry=q.decimal(result.geometry_nl, cal.PLACES) + "nL",
            density=cal.plain(job.density) + "g/mL",
            temperature=job.temperature,
            steps=[each.steps for each in self.weighings],
            weights=[cal.plain(each.weight_g) + "g" for each in self.weighings],
            firmware=info.get("firmware", "unknown"),
            board=job.board,
            virtual=self.source.virtual,
            note=note,
        )

    def _ask(self, question: str, answered: bool) -> None:
        """Go on only with a yes; a virtual pump needs none."""
        if answered or self.source.virtual or typer.confirm(question):
            return
        self._client.stop()
        raise UsageError("not started", code="not-confirmed")

    def _say(self, text: str) -> None:
        if not self.with_json:
            say(escape(text))

    def _with_weights(self, error: TitraError) -> TitraError:
        if self.weighings:
            text = weights_text(self.weighings)
            error.message += f"; nothing stored; weights so far: {text}"
            error.details["weights"] = text
        return error
