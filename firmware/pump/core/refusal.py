"""Why a request was not carried out: one typed reason, never a bare text.

A refusal names the code, the offending field, the value as given, the limit and what would have
been accepted.  All five are text; '' means "does not apply".  Host text is echoed cleaned and
clipped, so that a refusal always fits on one line of the protocol.
"""

# What they mean stands in PROTOCOL.md, not in the chip's memory.
CODES = (
    "unknown-verb",
    "not-now",
    "bad-line",
    "bad-crc",
    "crc-required",
    "busy",
    "missing-field",
    "unknown-field",
    "duplicate-field",
    "bad-number",
    "bad-unit",
    "missing-unit",
    "bad-value",
    "out-of-range",
    "hard-limit",
    "soft-limit",
    "needless",
    "tenfold",
    "lockout",
    "hourly-limit",
    "capacity",
    "rate-range",
    "unknown-syringe",
    "route",
    "unknown-drug",
    "bad-library",
    "wrong-plan",
    "no-plan",
    "stop-open",
    "unsafe",
    "locked-out",
    "internal-mismatch",
    "store-failed",
    "too-long",
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
    return code in CODES


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
