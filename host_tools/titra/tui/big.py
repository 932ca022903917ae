"""Large letters: five pixels high, drawn in half blocks as three rows of text."""

from __future__ import annotations

HEIGHT = 3
_LETTERS = {
    "A": "###/#.#/###/#.#/#.#",
    "B": "##./#.#/##./#.#/##.",
    "C": "###/#../#../#../###",
    "D": "##./#.#/#.#/#.#/##.",
    "E": "###/#../##./#../###",
    "F": "###/#../##./#../#..",
    "G": "####/#.../#.##/#..#/####",
    "H": "#.#/#.#/###/#.#/#.#",
    "I": "#/#/#/#/#",
    "J": "..#/..#/..#/#.#/###",
    "K": "#..#/#.#./##../#.#./#..#",
    "L": "#../#../#../#../###",
    "M": "#...#/##.##/#.#.#/#...#/#...#",
    "N": "#..#/##.#/#.##/#..#/#..#",
    "O": "####/#..#/#..#/#..#/####",
    "P": "###/#.#/###/#../#..",
    "Q": "####/#..#/#..#/#.##/####",
    "R": "###/#.#/##./#.#/#.#",
    "S": "###/#../###/..#/###",
    "T": "###/.#./.#./.#./.#.",
    "U": "#.#/#.#/#.#/#.#/###",
    "V": "#.#/#.#/#.#/#.#/.#.",
    "W": "#...#/#...#/#.#.#/##.##/#...#",
    "X": "#.#/#.#/.#./#.#/#.#",
    "Y": "#.#/#.#/.#./.#./.#.",
    "Z": "###/..#/.#./#../###",
    "0": "###/#.#/#.#/#.#/###",
    "1": ".#/##/.#/.#/.#",
    "2": "###/..#/###/#../###",
    "3": "###/..#/.##/..#/###",
    "4": "#.#/#.#/###/..#/..#",
    "5": "###/#../###/..#/###",
    "6": "###/#../###/#.#/###",
    "7": "###/..#/..#/..#/..#",
    "8": "###/#.#/###/#.#/###",
    "9": "###/#.#/###/..#/###",
    ":": "./#/./#/.",
    " ": "./././././",
}
_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def big(text: str, width: int) -> list[str]:
    """HEIGHT rows that spell ``text`` (A to Z, 0 to 9, colon, space), or the plain text in the
    middle row where ``width`` columns are too few."""
    rows = [""] * (2 * HEIGHT)
    for letter in text.upper():
        bitmap = (_LETTERS.get(letter) or _LETTERS[" "]).split("/")
        across = len(bitmap[0])
        for index in range(len(rows)):
            line = bitmap[index] if index < len(bitmap) else ""
            rows[index] += line.ljust(across, ".") + "."
    if len(rows[0]) > width:
        return ["", text.upper(), ""]
    return [_pair(rows[2 * row], rows[2 * row + 1]) for row in range(HEIGHT)]


def _pair(upper: str, lower: str) -> str:
    return "".join(_BLOCKS[a == "#", b == "#"] for a, b in zip(upper, lower)).rstrip()
