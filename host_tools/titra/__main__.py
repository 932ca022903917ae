"""``python -m titra``."""

from titra.cli import app

app(prog_name="titra")
