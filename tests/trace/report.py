"""Writes the matrix down: ``markdown`` for the repository, ``page`` for a browser.

Neither holds a date, a machine or a duration: the same results give the same bytes.
"""

from collections import Counter
from html import escape

from tests.trace import judge

GROUPS = {
    "DOSE": "Dose",
    "DEL": "Delivery",
    "STOP": "Stop",
    "PROG": "Programming and states",
    "ALM": "Alarms",
    "PWR": "Power, reset, flash",
    "LOG": "Records",
    "COM": "Communication",
    "HOST": "Host tool",
    "PK": "Preview, on the host only",
    "VER": "Verification as a whole",
    "DRV": "Motor driver and display",
    "HW": "Boards",
}
INTRODUCTION = (
    "Made by `make trace` from requirements.csv, hazards.md and a run of the tests that are marked"
    " with `@pytest.mark.requirement`. A requirement is proved when a test of it passed and none"
    " failed; a skipped test proves nothing. Numbers behind a test are its cases."
)
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 2rem }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-top: 1px solid #ddd }
th { background: #f4f4f4 }
td:first-child { white-space: nowrap }
code { font-size: .85em; overflow-wrap: anywhere }
small { color: #666 }
ul { margin: 0; padding-left: 1.1rem }
.proved { color: #14692c } .later { color: #666 }
.no-test, .only-skipped, .failed { color: #b00020; font-weight: 600 }
"""


def _cases(cases):
    """3, or 3 of 4 (1 skipped)."""
    total = sum(cases.values())
    if cases["passed"] == total:
        return str(total)
    others = ["%d %s" % (n, what) for what, n in sorted(cases.items()) if what != "passed"]
    return "%d of %d (%s)" % (cases["passed"], total, ", ".join(others))


def _result(line):
    """The result; a row of later that tests prove already says both."""
    if line.requirement.status == "later" and line.result != judge.LATER:
        return "later, " + line.result
    return line.result


def _grouped(lines):
    for group, title in GROUPS.items():
        rows = [line for line in lines if line.requirement.group == group]
        if rows:
            yield title, rows


def _summary(lines, hazards):
    """Pairs of text and number."""
    results = Counter(_result(line) for line in lines)
    pairs = [("requirements", len(lines))]
    pairs += [(result, n) for result, n in sorted(results.items(), key=lambda pair: -pair[1])]
    proved = proved_ids(lines)
    held = sum(all(each in proved for each in hazard.requirements) for hazard in hazards)
    return [*pairs, ("hazards", len(hazards)), ("hazards with every control proved", held)]


def proved_ids(lines):
    """The ids of all requirements proved."""
    return {line.requirement.id for line in lines if line.result == judge.PROVED}


def markdown(lines, hazards, problems):
    """The text of TRACE.md."""
    out = ["# Requirements and the tests that prove them", "", INTRODUCTION, "", "| | |"]
    out += ["|---|---:|"] + ["| %s | %d |" % pair for pair in _summary(lines, hazards)]
    out += ["", "## Problems", ""] + (["- " + text for text in problems] or ["None."])
    for title, rows in _grouped(lines):
        out += ["", "## " + title, "", "| id | requirement | bound | tests | result |"]
        out += ["|---|---|---|---|---|"] + [_markdown_row(line) for line in rows]
    out += ["", "## Hazards", "", "Open controls are bold; hazards.md says what each hazard is."]
    out += ["", "| id | cause | requirements |", "|---|---|---|"]
    proved = proved_ids(lines)
    for hazard in hazards:
        ids = [each if each in proved else "**%s**" % each for each in hazard.requirements]
        out.append("| %s | %s | %s |" % (hazard.id, hazard.cause, ", ".join(ids)))
    return "\n".join(out) + "\n"


def _markdown_row(line):
    row = line.requirement
    tests = ["`%s` %s" % (_short(name), _cases(cases)) for name, cases in line.tests.items()]
    result = _result(line) + (": " + row.reason if row.reason else "")
    cells = (row.id, row.requirement, row.bound, "<br>".join(tests), result)
    return "| %s |" % " | ".join(cell.replace("|", "\\|") for cell in cells)


def _short(name):
    return name.removeprefix("tests/")


def page(lines, hazards, problems):
    """A self-contained HTML page."""
    out = ["<!doctype html><html lang=en><meta charset=utf-8><title>Titra: requirements</title>"]
    out += ["<style>%s</style><h1>Requirements and the tests that prove them</h1>" % STYLE]
    out += ["<p>%s</p>" % escape(INTRODUCTION), "<table>"]
    out += ["<tr><td>%s<td>%d" % (escape(text), n) for text, n in _summary(lines, hazards)]
    out += ["</table><h2>Problems</h2><ul>"]
    out += ["<li class=failed>%s" % escape(text) for text in problems] or ["<li>None."]
    out.append("</ul>")
    for title, rows in _grouped(lines):
        out.append("<h2>%s</h2><table><tr><th>id<th>requirement<th>tests<th>result" % title)
        out += [_page_row(line) for line in rows]
        out.append("</table>")
    proved = proved_ids(lines)
    out.append("<h2>Hazards</h2><table><tr><th>id<th>hazard<th>cause<th>control<th>requirements")
    out.append("<th>what remains")
    out += [_page_hazard(hazard, proved) for hazard in hazards]
    return "\n".join([*out, "</table></html>"]) + "\n"


def _page_row(line):
    row = line.requirement
    tests = "".join(
        "<li><code>%s</code> %s" % (escape(_short(name)), _cases(cases))
        for name, cases in line.tests.items()
    )
    notes = "".join("<br><small>%s</small>" % escape(text) for text in (row.bound, row.source))
    return "<tr id=%s><td>%s<td>%s%s<td><ul>%s</ul><td class=%s>%s<br><small>%s</small>" % (
        row.id,
        row.id,
        escape(row.requirement),
        notes,
        tests,
        line.result.replace(" ", "-"),
        escape(_result(line)),
        escape(row.reason),
    )


def _page_hazard(hazard, proved):
    ids = " ".join(
        '<a class=%s href="#%s">%s</a>' % ("proved" if each in proved else "no-test", each, each)
        for each in hazard.requirements
    )
    cells = [escape(text) for text in (hazard.id, hazard.hazard, hazard.cause, hazard.control)]
    return "<tr><td>%s<td>%s<td>%s" % ("<td>".join(cells), ids, escape(hazard.remains))
