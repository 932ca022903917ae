"""The preview as one HTML page: the chart as SVG inside, the table, and what must be known."""

from __future__ import annotations

from html import escape

from titra.pk.figure import picture
from titra.pk.outlook import Outlook
from titra.pk.rows import HEADINGS, LEGEND, rows

STYLE = """body { font: 15px/1.4 sans-serif; max-width: 62rem; margin: 2rem auto; }
svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border: 1px solid #bbb; padding: .25rem .6rem; text-align: right; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }"""


def page(found: Outlook) -> str:
    """A whole page, without scripts and without anything from elsewhere."""
    title = f"Ketamine preview of plan {escape(found.plan.hash)}: no clinical advice"
    svg = picture(found, "svg").decode()
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
{STYLE}
</style></head><body>
<h1>{title}</h1>
<p>{escape(found.plan.words)}</p>
{svg[svg.index("<svg") :]}
<table><tr>{_cells("th", HEADINGS)}</tr>
{_table(found)}
</table>
<p>{escape(LEGEND)}</p>
</body></html>
"""


def _table(found: Outlook) -> str:
    return "\n".join(f"<tr>{_cells('td', row)}</tr>" for row in rows(found))


def _cells(tag: str, texts: tuple[str, ...]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)
