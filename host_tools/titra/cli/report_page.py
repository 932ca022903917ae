"""``titra report``: a recording's infusion as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from titra import runs
from titra.cli.common import JsonOption, guarded, out, print_json, wants_json
from titra.cli.replay import RecordingArgument
from titra.errors import UsageError
from titra.recording import load
from titra.report.page import Report


@guarded
def report(
    ctx: typer.Context,
    recording: RecordingArgument,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The page; default beside the recording, .html."),
    ] = None,
    run: Annotated[
        int | None, typer.Option(help="Which infusion, from 1; default the last.")
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Also write the plots here, as PNG and SVG.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write one self-contained page that tells of an infusion.

    Prescription, plan, outcome, volume and rate against the plan, events, gaps, timing, versions,
    hashes. Example: titra report bench.jsonl -o bench.html --plots pictures
    """
    found = load(recording)
    picked, of = runs.chosen(found, run)
    page = Report(found, picked, of)
    output = output or recording.with_suffix(".html")
    try:
        output.write_text(page.html(), encoding="utf-8")
        pictures = page.plots(plots) if plots else []
    except OSError as error:
        raise UsageError(f"cannot write: {error}") from error
    if wants_json(ctx, as_json):
        print_json(
            {
                "output": str(output),
                "run": picked.number,
                "runs": of,
                "state": picked.state,
                "plan": picked.plan_hash,
                "sha256": found.sha256,
                "plots": [str(path) for path in pictures],
            }
        )
        return
    out().print(Text(f"run {picked.number} of {of}, {picked.state}: {output}"))
    for path in pictures:
        out().print(Text(str(path)))
