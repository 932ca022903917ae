"""Every command: its name, its panel in ``titra --help``, where its code is, what it does."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A command; ``code`` is ``module:function`` (or ``module:app``, a Typer of subcommands),
    imported only when the command is called."""

    name: str
    panel: str
    code: str
    help: str


FIND = "Find & connect"
THERAPY = "Therapy"
ALARMS = "Alarms"
RECORDS = "Records"
SCRIPTS = "Scripts & simulation"
SETUP = "Setup"
PANELS = (FIND, THERAPY, ALARMS, RECORDS, SCRIPTS, SETUP)

ROWS = (
    Row("ports", FIND, "titra.cli.find:ports", "Find pumps on the serial ports."),
    Row("info", FIND, "titra.cli.ask:info", "Which pump this is: model, number, firmware."),
    Row("status", FIND, "titra.cli.ask:status", "What the pump does and has delivered."),
    Row("monitor", FIND, "titra.cli.monitor:monitor", "Watch pumps on a full screen."),
    Row("doctor", FIND, "titra.cli.doctor:doctor", "What is wrong, and what to do about it."),
    Row("bridge", FIND, "titra.cli.bridge:bridge", "Pumps to Prometheus and MQTT, read-only."),
    Row("plan", THERAPY, "titra.cli.plan:plan", "Compute a plan without a pump."),
    Row("preview", THERAPY, "titra.cli.preview:preview", "Published models of a ketamine plan."),
    Row("routes", THERAPY, "titra.cli.routes:routes", "Published bioavailability of ketamine."),
    Row("infuse", THERAPY, "titra.cli.infuse:infuse", "Run an infusion, watch it to its end."),
    Row("bolus", THERAPY, "titra.cli.therapy:bolus", "Give a bolus while infusing."),
    Row("change", THERAPY, "titra.cli.therapy:change", "Change the rate of what is left."),
    Row("prime", THERAPY, "titra.cli.therapy:prime", "Fill the line, nobody connected."),
    Row("pause", THERAPY, "titra.cli.therapy:pause", "Pause, keeping the place."),
    Row("resume", THERAPY, "titra.cli.therapy:resume", "Go on from a pause."),
    Row("stop", THERAPY, "titra.cli.ask:stop", "Stop the motor now."),
    Row("ack", ALARMS, "titra.cli.attend:ack", "Acknowledge a latched stop or an alarm."),
    Row("silence", ALARMS, "titra.cli.attend:silence", "Silence the buzzer for at most 120 s."),
    Row("log", RECORDS, "titra.cli.log:log", "Print or save the events that the pump keeps."),
    Row("record", RECORDS, "titra.cli.record:record", "Record all a pump says until Ctrl-C."),
    Row("replay", RECORDS, "titra.cli.replay:replay", "Play a recording back."),
    Row("export", RECORDS, "titra.cli.replay:export", "Write a recording as CSV or Parquet."),
    Row("report", RECORDS, "titra.cli.report_page:report", "One page that tells of an infusion."),
    Row("settings", SETUP, "titra.cli.attend:settings", "Settings that outlive resets."),
    Row("set", SETUP, "titra.cli.attend:set_", "Change settings, all or none."),
    Row("flash", SETUP, "titra.cli.flash:flash_", "Put firmware on a board."),
    Row("calibrate", SETUP, "titra.cli.calibrate:calibrate", "Weigh what a syringe delivers."),
    Row("library", SETUP, "titra.cli.library:app", "Check, build, load, show, compare drugs."),
    Row(
        "syringes",
        SETUP,
        "titra.cli.syringes:syringes",
        "Syringes, their sources, what was weighed.",
    ),
    Row("run", SCRIPTS, "titra.cli.run:run", "Run scenario scripts, with a report for CI."),
    Row("send", SCRIPTS, "titra.cli.ask:send", "Send one request of the protocol."),
    Row("sim", SCRIPTS, "titra.cli.sim:sim", "A virtual pump on a port of its own."),
)
