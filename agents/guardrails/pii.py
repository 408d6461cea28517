"""Personal data that a pattern can tell: addresses of mail and machines, phones, cards, IBANs."""

from __future__ import annotations

from agents.guardrails.checksums import card_end, iban_end, ip_end, phone_end, ssn_end
from agents.guardrails.scanning import DIGITS, Detector

_WORD = "A-Za-z0-9À-ɏ"

DETECTORS = {
    "email": (
        Detector(
            "e-mail address",
            needs=("@",),
            before=rf"(?<![{_WORD}._%+'-])",
            body=rf"[{_WORD}._%+'-]{{1,64}}@(?:[{_WORD}-]{{1,63}}\.){{1,8}}[A-Za-zÀ-ɏ]{{2,24}}",
        ),
    ),
    "phone": (
        Detector(
            "phone number",
            needs=DIGITS,
            before=r"(?<![0-9A-Za-z+])",
            body=r"(?:\+|00)[1-9](?:[ ./()-]{0,2}[0-9]){7,14}",
            after=r"(?![0-9])",
            end=phone_end,
        ),
        Detector(
            "phone number",
            needs=DIGITS,
            before=r"(?<![0-9A-Za-z.-])",
            body=r"(?:\([0-9]{3}\) ?|[0-9]{3}[-. ])[0-9]{3}[-. ][0-9]{4}",
            after=r"(?![0-9])",
        ),
    ),
    "card": (
        Detector(
            "card number",
            needs=DIGITS,
            before=r"(?<![0-9])",
            body=r"[0-9](?:[ -]?[0-9]){12,18}",
            end=card_end,
        ),
    ),
    "iban": (
        Detector(
            "IBAN",
            needs=DIGITS,
            before=r"(?<![A-Za-z0-9])",
            body=r"[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,29}",
            end=iban_end,
        ),
    ),
    "ssn": (
        Detector(
            "social security number",
            needs=DIGITS,
            before=r"(?<![0-9])",
            body=r"[0-9]{3}(?:-[0-9]{2}-| [0-9]{2} )[0-9]{4}",
            after=r"(?![0-9])",
            end=ssn_end,
        ),
    ),
    "ip": (
        Detector(
            "IP address",
            needs=(".",),
            before=r"(?<![0-9.])",
            body=r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}",
            after=r"(?![0-9])",
            end=ip_end,
        ),
        Detector(
            "IP address",
            needs=(":",),
            before=r"(?<![A-Za-z0-9:.])",
            body=r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}",
            after=r"(?![A-Za-z0-9:])",
            end=ip_end,
        ),
    ),
}
KINDS = tuple(DETECTORS)
