"""Secrets and personal data to plant in texts, none of them anybody's."""

from __future__ import annotations

from agents.guardrails import pii, secrets
from agents.guardrails.redacting import Rule, Rules

_LONG = "Ab3dEf6hIj9lMn2pQr5tUv8xYz1bCd4fGh7j"
_BODY = "\n".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 2 for _ in range(6))

PERSONAL = {
    "email": ["ada.lovelace@example.com", "o'brien+x@mail.example.co.uk", "jürgen@müller.de"],
    "phone": ["+49 30 1234567", "+14155550100", "(415) 555-0100", "415-555-0100"],
    "card": ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"],
    "iban": ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "NO9386011117947"],
    "ssn": ["123-45-6789"],
    "ip": ["192.0.2.44", "2001:db8::8a2e:370:7334"],
}
SECRETS = {
    "private key": [
        f"-----BEGIN {kind}PRIVATE KEY-----\n{_BODY}\n-----END {kind}PRIVATE KEY-----"
        for kind in ("", "RSA ", "OPENSSH ")
    ],
    "AWS access key": ["AKIA" + "IOSFODNN7EXAMPLE"],
    "AWS secret key": [f"aws_secret_access_key = {_LONG}AAAA"],
    "Google API key": ["AIza" + _LONG[:35]],
    "Google token": ["ya29." + _LONG],
    "Azure key": ["AccountKey=" + _LONG * 2 + "ABCDEFGHIJKLMN=="],
    "Azure client secret": ["abc8Q~" + _LONG[:34]],
    "GitHub token": ["ghp_" + _LONG, "github_pat_" + _LONG],
    "GitLab token": ["glpat-" + _LONG[:20]],
    "Slack token": ["xoxb-" + "123456789012-" + _LONG],
    "Slack web hook": ["hooks.slack.com/services/T0001/B0002/" + _LONG[:24]],
    "Stripe key": ["sk_live_" + _LONG, "whsec_" + _LONG],
    "Anthropic key": ["sk-ant-api03-" + _LONG],
    "OpenAI key": ["sk-proj-" + _LONG],
    "connection string with a password": ["postgres://app:hunter2@db.internal:5432/x"],
    "JSON web token": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ." + _LONG],
    "bearer token": ["Bearer " + _LONG],
    "password or key": ["password=correct4horse", "api_key: k3y-of-mine-1"],
}
PLANTED = [
    *[(kind, text) for kind, texts in PERSONAL.items() for text in texts],
    *[(kind, text) for kind, texts in SECRETS.items() for text in texts],
]


def all_rules() -> Rules:
    return Rules(
        [
            *(Rule(one, "pii") for ones in pii.DETECTORS.values() for one in ones),
            *(Rule(one, "secrets") for one in secrets.DETECTORS),
        ]
    )
