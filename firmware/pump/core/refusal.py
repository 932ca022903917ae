"""Why a request was not carried out: one typed reason, never a bare text.

A refusal names the code, the offending field, the value as given, the limit and what would have
been accepted.  All five are text; '' means "does not apply".  Host text is echoed cleaned and
clipped, so that a refusal always fits on one line of the protocol.
"""

CODES = (
    ("unknown-verb", "no such verb"),
    ("not-now", "the verb is not allowed in the present state"),
    ("bad-line", "the line cannot be split into verb and key=value pairs"),
    ("bad-crc", "the line's CRC does not match"),
    ("crc-required", "this verb needs a CRC in safe mode"),
    ("busy", "input came faster than it can be handled"),
    ("missing-field", "a field that the verb needs is absent"),
    ("unknown-field", "the verb does not know this field, or not together with the others"),
    ("duplicate-field", "the field stands twice in the line"),
    ("bad-number", "not a plain decimal number"),
    ("bad-unit", "the unit is not one of those accepted (case matters)"),
    ("missing-unit", "a number without its unit"),
    ("bad-value", "not one of the words accepted"),
    ("out-of-range", "outside what the device accepts at all"),
    ("hard-limit", "beyond a hard limit of the board or the drug library"),
    ("capacity", "more volume than the syringe holds"),
    ("rate-range", "a rate that syringe and mechanics cannot deliver"),
    ("unknown-syringe", "no such syringe in the table"),
    ("wrong-plan", "the hash is not that of the plan in memory"),
    ("no-plan", "there is no plan in memory"),
    ("stop-open", "the stop loop is open"),
    ("unsafe", "a precondition of motion does not hold; because names it"),
    ("locked-out", "an alarm that only a reset ends"),
    ("internal-mismatch", "two ways of computing the plan disagree: a fault, not an entry error"),
    ("store-failed", "flash did not take the record; the former one holds"),
    ("too-long", "the line, list or plan is longer than the device takes"),
)

TEXT_MAX = 48


def clean(text: str) -> str:
    """Return ``text`` as printable ASCII without quotes, at most TEXT_MAX characters."""
    kept = []
    for char in text[: TEXT_MAX + 1]:
        kept.append(char if " " <= char <= "~" and char not in '"\\*' else "?")
    if len(kept) > TEXT_MAX:
        return "".join(kept[: TEXT_MAX - 2]) + ".."
    return "".join(kept)


def is_code(code: str) -> bool:
    """Tell whether ``code`` stands in the table."""
    return any(known == code for known, _ in CODES)


class Refusal(Exception):
    """A request refused; nothing has changed.  ``code`` must stand in CODES (else ValueError)."""

    def __init__(
        self, code: str, field: str = "", given: str = "", limit: str = "", accepts: str = ""
    ) -> None:
        if not is_code(code):
            raise ValueError(code)
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
