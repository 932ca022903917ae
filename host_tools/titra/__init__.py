"""Titra host tools: drive, simulate and check a Titra syringe pump. Bench equipment only.

    from titra import Pump

LIBRARY.md beside this file tells how to use it. The names below are loaded when they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
DEFAULT_BAUD = 115_200

if TYPE_CHECKING:
    from titra.client import PumpClient as PumpClient
    from titra.errors import NoAnswer as NoAnswer
    from titra.errors import NoConnection as NoConnection
    from titra.errors import PumpRefused as PumpRefused
    from titra.errors import TitraError as TitraError
    from titra.protocol import Event as Event
    from titra.protocol import Reply as Reply
    from titra.protocol import Telemetry as Telemetry
    from titra.pump import LinkChange as LinkChange
    from titra.pump import Pump as Pump
    from titra.results import Plan as Plan
    from titra.results import Status as Status
    from titra.transport import open_transport as open_transport
    from titra.wirelog import WireLog as WireLog

_HOME = {
    "PumpClient": "client",
    "NoAnswer": "errors",
    "NoConnection": "errors",
    "PumpRefused": "errors",
    "TitraError": "errors",
    "Event": "protocol",
    "Reply": "protocol",
    "Telemetry": "protocol",
    "LinkChange": "pump",
    "Pump": "pump",
    "Plan": "results",
    "Status": "results",
    "open_transport": "transport",
    "WireLog": "wirelog",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'titra' has no attribute {name!r}")
    return getattr(import_module("titra." + _HOME[name]), name)
