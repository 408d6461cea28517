"""The mails that a server of the tests has sent: a file each, below DATA_DIR."""

from __future__ import annotations

import email
import email.message
import email.policy
import os
import re
from pathlib import Path

from tests.support.waiting import until


def sent_to(address: str) -> list[email.message.EmailMessage]:
    """Mails to this address, oldest first."""
    found = []
    # Names tell seconds, and two may be sent in one.
    files = (Path(os.environ["DATA_DIR"]) / "mail").glob("*.log")
    for file in sorted(files, key=lambda file: file.stat().st_mtime_ns):
        for part in re.split(rb"^-{79}\n", file.read_bytes(), flags=re.MULTILINE):
            mail = email.message_from_bytes(part, policy=email.policy.default)
            if mail["To"] == address:
                found.append(mail)
    return found


def wait_for_mail(address: str, number: int = 1) -> email.message.EmailMessage:
    """The `number`-th mail to this address, once the cluster has sent it whole."""
    mails = until(lambda: sent_to(address), lambda m: len(m) >= number and complete(m[number - 1]))
    return mails[number - 1]


def complete(mail: email.message.EmailMessage) -> bool:
    part = mail.get_body(("html",))
    return part is not None and "</html>" in part.get_content()


def body(mail: email.message.EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def link_in(mail: email.message.EmailMessage) -> str:
    """The one address in the text, which is in the HTML as well."""
    (link,) = re.findall(r"https?://\S+", body(mail))
    assert link in body(mail, "html")
    return str(link)


def path_of(link: str, host: str) -> str:
    """The link without scheme and host, which must be this one."""
    match = re.fullmatch(r"https?://([^/:]+)(?::\d+)?(/.*)", link)
    assert match and match[1] == host, link
    return match[2]
