"""Why a request was not carried out: one typed reason, never a bare text.

A refusal names the code, the offending field, the value as given, the limit and what would have
been accepted.  All five are text; '' means "does not apply".  Host text is echoed cleaned and
clipped, so that a refusal always fits on one line of the protocol.
"""

TEXT_MAX = 48


def clean(text: str) -> str:
    """Return ``text`` as printable ASCII without quotes, at most TEXT_MAX characters."""
    kept = []
    for char in text[: TEXT_MAX + 1]:
        kept.append(char if " " <= char <= "~" and char not in '"\\*' else "?")
    if len(kept) > TEXT_MAX:
        return "".join(kept[: TEXT_MAX - 2]) + ".."
    return "".join(kept)


class Refusal(Exception):
    """A request refused; nothing has changed.  PROTOCOL.md lists every ``code`` there is."""

    def __init__(
        self, code: str, field: str = "", given: str = "", limit: str = "", accepts: str = ""
    ) -> None:
        super().__init__(code, field)
        self.code = code
        self.field = clean(field)
        self.given = clean(given)
        self.limit = limit
        self.accepts = accepts

    def pairs(self) -> list[tuple[str, str]]:
        """Return the non-empty (key, value) pairs in the order they go on the wire."""
        listed = (
            ("code", self.code),
            ("field", self.field),
            ("given", self.given),
            ("limit", self.limit),
            ("accepts", self.accepts),
        )
        return [(key, value) for key, value in listed if value]
