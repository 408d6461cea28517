"""Secrets that a pattern can tell: keys of clouds and services, tokens, passwords in addresses."""

from __future__ import annotations

from agents.guardrails.checksums import mixed_end
from agents.guardrails.scanning import Detector

_START = r"(?<![A-Za-z0-9_-])"

DETECTORS = (
    Detector(
        "private key",
        needs=("PRIVATE KEY",),
        body=(
            r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
            # The key itself; in JSON its line ends are a backslash and an n. Half of it is one too.
            r"(?:[A-Za-z0-9+/=\s\\:,.]|-[A-Za-z0-9])*"
            r"(?:-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----)?"
        ),
    ),
    Detector(
        "AWS access key",
        needs=("AKIA", "ASIA", "ABIA", "ACCA"),
        before=r"(?<![A-Za-z0-9])",
        body=r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
    ),
    Detector(
        "AWS secret key",
        needs=("ecret", "ECRET"),
        body=(
            r"(?i:aws_?secret_?(?:access_?)?key)[\"']?\s{0,3}[:=]\s{0,3}[\"']?"
            r"[A-Za-z0-9/+]{40}"
        ),
    ),
    Detector("Google API key", needs=("AIza",), body=r"AIza[0-9A-Za-z_-]{35}"),
    Detector("Google token", needs=("ya29.",), body=r"ya29\.[0-9A-Za-z_-]{20,}"),
    Detector(
        "Azure key",
        needs=("Key=", "key="),
        body=r"(?i:(?:Account|SharedAccess)Key)=[A-Za-z0-9+/]{40,100}={0,2}",
    ),
    Detector(
        "Azure client secret",
        needs=("Q~",),
        before=r"(?<![A-Za-z0-9_~.-])",
        body=r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,40}",
    ),
    Detector(
        "signature of a shared link",
        needs=("sig=", "Signature="),
        before=r"(?<=[?&])",
        body=r"(?:sig|X-Amz-Signature)=[A-Za-z0-9%/+=]{20,200}",
    ),
    Detector(
        "GitHub token",
        needs=("gh", "github_pat_"),
        before=_START,
        body=r"(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})",
    ),
    Detector("GitLab token", needs=("glpat-",), before=_START, body=r"glpat-[A-Za-z0-9_-]{20,100}"),
    Detector(
        "Slack token", needs=("xox",), before=_START, body=r"xox[abeoprs]-[A-Za-z0-9-]{10,250}"
    ),
    Detector(
        "Slack web hook",
        needs=("hooks.slack.com",),
        body=r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,200}",
    ),
    Detector(
        "Stripe key",
        needs=("k_live_", "k_test_", "whsec_"),
        before=_START,
        body=r"(?:[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9+/=]{24,250})",
    ),
    Detector(
        "Anthropic key", needs=("sk-ant-",), before=_START, body=r"sk-ant-[A-Za-z0-9_-]{20,250}"
    ),
    # No word is so long: `sk-` also begins names of things.
    Detector("OpenAI key", needs=("sk-",), before=_START, body=r"sk-[A-Za-z0-9_-]{20,250}"),
    Detector(
        "connection string with a password",
        needs=("://",),
        before=r"(?<![A-Za-z0-9+.-])",
        body=(
            r"[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s:/\"'<>]{0,100}:[^\s@\"'<>]{1,200}"
            r"@[^\s\"'<>]{1,300}"
        ),
    ),
    Detector(
        "JSON web token",
        needs=("eyJ",),
        before=r"(?<![A-Za-z0-9_-])",
        body=r"eyJ[A-Za-z0-9_-]{5,}\.eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{10,}",
    ),
    Detector(
        "bearer token",
        needs=("earer ", "EARER "),
        before=r"(?<![A-Za-z])",
        body=r"(?i:bearer) {1,3}[A-Za-z0-9._~+/-]{16,2000}={0,2}",
        end=mixed_end,
    ),
    Detector(
        "password or key",
        needs=("=", ":"),
        before=r"(?<![A-Za-z])",
        body=(
            r"(?i:password|passwd|pwd|secret|api[_-]?key|client[_-]?secret|secret[_-]?key"
            r"|access[_-]?token|auth[_-]?token)[\"']?\s{0,3}[:=]\s{0,3}[\"']?"
            r"[^\s\"',;<>]{8,200}"
        ),
        end=mixed_end,
    ),
)
