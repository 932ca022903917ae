"""The drug library of a pump over its link: read it, replace it and see that it is there."""

from __future__ import annotations

from collections.abc import Callable

from titra.client import PumpClient
from titra.errors import TitraError
from titra.library import Entry, Library, LibraryFaulty


class NotVerified(TitraError):
    """What the pump says it holds is not what was sent."""

    code = "not-verified"


def read(client: PumpClient) -> Library:
    """The library that the pump uses. Raises LibraryFaulty where its CRC does not fit, UsageError
    from the pump where there is none."""
    head = dict(client.request("library").fields)
    entries = []
    for number in range(1, int(head["entries"]) + 1):
        fields = dict(client.request("library", n=str(number)).fields)
        del fields["n"]
        entries.append(Entry(fields))
    found = Library(head["name"], head["version"], tuple(entries))
    if entries and found.head != head:
        raise LibraryFaulty("what the pump says of its library does not fit its CRC")
    return found


def load(client: PumpClient, library: Library, tell: Callable[[int], None]) -> Library:
    """Put ``library`` in the pump, whole or not at all, and read it back; returns the one before.
    ``tell`` is called with the number of entries sent. Raises PumpRefused (the one before is in
    use) and NotVerified."""
    before = read(client)
    for number, entry in enumerate(library.entries, 1):
        client.request("library-load", {"n": str(number), **entry.fields})
        tell(number)
    client.request("library-commit", library.head)
    if [entry.fields for entry in read(client).entries] != [e.fields for e in library.entries]:
        raise NotVerified("the pump does not say back what was sent; look at `titra library show`")
    return before
