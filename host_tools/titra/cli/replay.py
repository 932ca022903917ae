"""``titra replay`` and ``titra export``: what is in a recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from titra import export as table
from titra.cli.ask import event_json
from titra.cli.common import JsonOption, err, guarded, out, print_json, wants_json
from titra.cli.interrupt import StopRequests
from titra.cli.monitor import sample_words
from titra.cli.source import parse_speed
from titra.cli.view import event_line
from titra.client import PumpClient
from titra.errors import EndOfRecording, UsageError
from titra.protocol import Event, Report
from titra.quantities import show_time
from titra.recording import load
from titra.replay import ReplayTransport
from titra.transport import PacedTransport, Transport

POLL_S = 1.0
RecordingArgument = Annotated[Path, typer.Argument(help="A recording or wire log (.jsonl).")]


@guarded
def replay(
    ctx: typer.Context,
    recording: RecordingArgument,
    speed: Annotated[str, typer.Option(help="Recorded seconds a real second, or `max`.")] = "max",
    as_json: JsonOption = False,
) -> None:
    """Play a recording back through the client.

    Shows what `monitor --json` would have shown then; what is missing is counted at the end.
    Example: titra replay bench.jsonl --speed 60
    """
    factor = parse_speed(speed)
    transport: Transport = ReplayTransport(recording)
    if factor != "max":
        transport = PacedTransport(transport, factor)
    client = PumpClient(transport, passive=True)
    with_json = wants_json(ctx, as_json)
    show = _json if with_json else _line
    try:
        with StopRequests() as asked:
            while not asked.count:
                for report in client.poll(POLL_S):
                    show(report)
    except EndOfRecording:
        for report in client.release():
            show(report)
    finally:
        client.close()
    lost = {
        "events_lost": client.events_lost,
        "telemetry_lost": client.telemetry_lost,
        "bad_lines": client.bad_lines,
    }
    if with_json:
        print_json({"type": "end", **lost})
    else:
        err().print(", ".join(f"{count} {key.replace('_', ' ')}" for key, count in lost.items()))


@guarded
def export(
    ctx: typer.Context,
    recording: RecordingArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write: .csv or .parquet.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Write a recording as CSV or Parquet.

    One row per event and sample, and one per gap: what is missing is shown. Example:
    titra export bench.jsonl -o bench.parquet
    """
    found = load(recording)
    try:
        rows = table.write(found, output)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from error
    if wants_json(ctx, as_json):
        print_json({"output": str(output), "rows": rows, "gaps": len(found.gaps)})
        return
    out().print(Text(f"{rows} rows, {len(found.gaps)} of them gaps, in {output}"))
    for gap in found.gaps:
        missing = "" if gap.missing is None else f"{gap.missing} missing, "
        until = "to the end" if gap.lasted_s is None else f"{gap.lasted_s:.3f} s"
        err().print(f"[yellow]gap:[/] {gap.kind}, {missing}{until} {escape(gap.why)}".rstrip())


def _json(report: Report) -> None:
    print_json(event_json(report))


def _line(report: Report) -> None:
    if isinstance(report, Event):
        out().print(Text(event_line(report), style="bold"))
        return
    seconds = "-" if report.t_us is None else show_time(report.t_us)
    out().print(Text(f"{seconds:>14}  {sample_words(dict(report.fields))}"))
