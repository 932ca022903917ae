"""What a pump says of itself after a restart: failures and notes of its self-test, by its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from titra.client import PumpClient

# What the boot event says that every boot says.
ORDINARY = ("t", "boot", "name", "reset", "firmware", "post")
# A note of the boot event that tells of something that was not tested, and what to do about it.
UNTESTED = {
    ("steps", "untested"): "release the stop button (or close its loop), then `titra ack`: the"
    " steps are tried then",
    ("files", "unverified"): "the record of files is missing: flash again",
}
NO_WORD = "the pump's log does not tell of this boot: reset the board, then `titra doctor`"


@dataclass(frozen=True)
class Verdict:
    """``failed``: what failed, separated by commas, '' for nothing. ``untested``: what was not
    tested, with what to do. ``notes``: what else the boot event says."""

    failed: str = ""
    untested: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """``passed``, ``untested``, or what failed."""
        return self.failed or ("untested" if self.untested else "passed")


def self_test(client: PumpClient) -> Verdict:
    """The verdict on this boot."""
    page = client.log_page(client.request("log", since=f"{client.info['boot']}:0"))
    events = {event.name: event.fields for event in page}
    failed = events.get("post-failed", {}).get("what", "")
    if "boot" not in events:
        return Verdict(failed, {"self-test": NO_WORD})
    said = {key: value for key, value in events["boot"].items() if key not in ORDINARY}
    untested = {
        key: UNTESTED[key, value] for key, value in said.items() if (key, value) in UNTESTED
    }
    return Verdict(failed, untested, {key: said[key] for key in said if key not in untested})
