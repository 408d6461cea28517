"""Which digits are a card, an IBAN, a social security number, an address of the Internet.

Each takes a text and the bounds of a candidate in it, and returns where what counts ends, or None.
The character after a candidate may be looked at, those beyond it may not: of a text that is still
coming nobody has them.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

_AFTER_NAME = re.compile(r"[\s:=]+")

# The whole length of an IBAN by its country (ISO 13616 registry).
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27,
    "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip


def card_end(text: str, start: int, end: int) -> int | None:
    """The longest beginning of the candidate that is a card's number, at the end of a group."""
    if text[start] not in "23456":
        return None
    after, number, first = None, 0, text[start]
    # Which digits count double depends on how many there are: one sum for an even number, one for
    # an odd one.
    sums = [0, 0]
    all_same = True
    for at in range(start, end):
        digit = text[at]
        if not digit.isdecimal():
            continue
        value = int(digit)
        double = value * 2 - 9 if value > 4 else value * 2
        sums[number % 2] += double
        sums[1 - number % 2] += value
        all_same = all_same and digit == first
        number += 1
        if 13 <= number <= 19 and sums[number % 2] % 10 == 0 and not all_same:
            following = text[at + 1 : at + 2]
            if not following.isdecimal():
                after = at + 1
    return after


def iban_end(text: str, start: int, end: int) -> int | None:
    places = [at for at in range(start, end) if text[at].isalnum()]
    compact = "".join(text[at] for at in places).upper()
    length = IBAN_LENGTHS.get(compact[:2])
    if length is None or len(compact) < length:
        return None
    if sum(letter.isdecimal() for letter in compact[:length]) < 8:
        return None  # no bank's, and no scanner looks for fewer digits
    after = places[length - 1] + 1
    if after < len(text) and text[after].isascii() and text[after].isalnum():
        return None
    turned = compact[4:length] + compact[:4]
    number = int("".join(str(int(letter, 36)) for letter in turned))
    return after if number % 97 == 1 else None


def phone_end(text: str, start: int, end: int) -> int | None:
    digits = sum(text[at].isdecimal() for at in range(start, end))
    return end if 8 <= digits <= 17 else None


def ssn_end(text: str, start: int, end: int) -> int | None:
    area, group, serial = text[start : start + 3], text[start + 4 : start + 6], text[end - 4 : end]
    if area in ("000", "666") or area[0] == "9" or group == "00" or serial == "0000":
        return None
    return end


def ip_end(text: str, start: int, end: int) -> int | None:
    candidate = text[start:end]
    if ":" in candidate and (len(candidate) < 6 or not any(c.isdecimal() for c in candidate)):
        return None  # a name in somebody's program
    try:
        ip_address(candidate)
    except ValueError:
        return None
    return end


def mixed_end(text: str, start: int, end: int) -> int | None:
    """A value that looks made, not said: what follows its name has a digit and a letter."""
    value = _AFTER_NAME.split(text[start:end], 1)[-1]
    made = any(c.isdecimal() for c in value) and any(c.isalpha() for c in value)
    return end if made else None
