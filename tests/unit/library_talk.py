"""A pump to talk to about its drug library, and what one may hold."""

from fake_hal import BOARD, PRESCRIPTION, FakeHal
from pump_talk import Talk

from pump.core import library as core

KETAMINE = {
    "id": "ketamine-depression",
    "drug": "ketamine",
    "route": "iv",
    "concentrations": "1mg/mL,2mg/mL",
    "dose": "..0.75mg/kg<1mg/kg",
    "rate": "..1mg/kg/h<1.5mg/kg/h,..<120mL/h",
    "over": "20min<..",
    "weight": "40kg..",
    "lockout": "10min",
    "hourly": "0.1mg/kg",
}


PROPOFOL = {"id": "propofol", "drug": "propofol", "route": "iv", "concentrations": "10mg/mL"}
ENTRIES = [KETAMINE, PROPOFOL]
REQUIRED = type(BOARD)(**{**vars(BOARD), "LIBRARY": "required"})


def text_of(fields):
    return " ".join([key + "=" + value for key, value in fields.items()])


def commit_of(name="bench", version="1", entries=ENTRIES):
    head = {"name": name, "version": version, "entries": str(len(entries))}
    body = b"".join([core.line_of(entry) for entry in entries])
    return {**head, "crc": core.crc_of(head, core.crc32(body))}


class LibraryTalk(Talk):
    """The same with a library to load."""

    def load(self, entries=ENTRIES, **head):
        for number, entry in enumerate(entries, 1):
            answer = self.ask("library-load n=%d %s" % (number, text_of(entry)))
            assert answer == "- ok n=%d" % number, answer
        return self.ask("library-commit " + text_of({**commit_of(entries=entries, **head)}))

    def rebooted(self):
        hal = FakeHal()
        hal.store.records = dict(self.hal.store.records)
        return LibraryTalk(hal)


def program(**changes):
    fields = {**PRESCRIPTION, "drug": "ketamine-depression", **changes}
    return "program " + text_of({key: value for key, value in fields.items() if value})
