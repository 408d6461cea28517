"""A process that migrates the tenants it is told, one after another: see `tenants.rollout`."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict


def main() -> None:
    """Answers each line on standard input with one of JSON; ends at the end of its input."""
    # Ctrl-C reaches the whole group: the tenant under way is finished, then the parent ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    sys.stdout = sys.stderr  # what a migration prints is no answer
    import django

    django.setup()
    from tenants.rollout import bring_up_to_date

    for line in sys.stdin:
        slug, wait = json.loads(line)
        answers.write(json.dumps(asdict(bring_up_to_date(slug, wait=wait))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
