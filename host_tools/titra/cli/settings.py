"""The options that stand before the command; light, because every start of the tool reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Settings:
    """Options given before the command."""

    port: str | None
    baud: int
    as_json: bool
