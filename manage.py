#!/usr/bin/env python
"""Django's command line, with the embedded database running for as long as a command needs it."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path

# `up` starts the database itself, after it has made sure that no other server uses the data folder.
NO_DATABASE = {"up", "help", "version", "check", "diffsettings", "collectstatic", "findstatic"}
NO_DATABASE |= {"makemessages", "compilemessages", "startapp", "startproject"}


def needs_embedded(argv: list[str]) -> bool:
    """Whether this command line works on the embedded database."""
    if os.environ.get("DATABASE_URL", "").strip() or len(argv) < 2:
        return False
    if "--help" in argv or "-h" in argv or argv[1].startswith("-"):
        return False
    return argv[1] not in NO_DATABASE or "--database" in argv


def main(argv: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    if argv[1:] == ["up"]:
        from config.serving import main as serve

        return serve()
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from config.embedded import EmbeddedError, running
    from config.env import EnvError, env_path
    from config.leaving import leave_on_sigterm
    from tenants.context import use_shared

    try:
        with ExitStack() as stack:
            if needs_embedded(argv):
                # SIGTERM unwinds the stack, so that the last user still stops the database.
                leave_on_sigterm()
                data_dir = env_path("DATA_DIR", Path(__file__).resolve().parent / ".data")
                stack.enter_context(running(data_dir))
            stack.enter_context(use_shared())
            execute_from_command_line(argv)
    except (EmbeddedError, EnvError, ImproperlyConfigured) as error:
        print(f"concord: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv))
    except KeyboardInterrupt:
        # Pressed while modules were still being imported.
        sys.exit(130)
