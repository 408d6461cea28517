"""Where this installation is reached from outside, for links in mails."""

from __future__ import annotations

from config.env import EnvError


def public_url(template: str) -> str:
    """PUBLIC_URL, checked: such as `https://{host}`, where {host} is the tenant's main host."""
    if not template.startswith(("http://", "https://")) or template.count("{host}") != 1:
        raise EnvError(f"PUBLIC_URL={template!r}: expected an address such as https://{{host}}")
    return template.rstrip("/")
