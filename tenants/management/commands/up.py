"""One command that serves: database, migrations, demo, web server and task cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connections

from config.embedded import EmbeddedError
from config.env import EnvError
from config.leftovers import AlreadyRunning
from config.serving import NotReady, Options, serve
from config.supervisor import GaveUp

DEMO_MEMBERS = "owner, builder, operator, approver, auditor, member"


class Command(BaseCommand):
    help = "Serves everything under one parent process, until Ctrl-C or SIGTERM."
    # The web process runs them all before it serves; twice would only cost time.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **kwargs: Any) -> None:
        try:
            options = Options.from_environment()
            code = serve(options, lambda: self._prepare(options), lambda: _banner(options))
        except (AlreadyRunning, EmbeddedError, EnvError, GaveUp, NotReady) as error:
            # No CommandError: the sentence is for a person who typed `make run`.
            self.stderr.write(f"concord: {error}")
            code = 1
        sys.exit(code)

    def _prepare(self, options: Options) -> None:
        try:
            call_command("migrate", verbosity=1, stdout=self.stdout)
            if options.demo:
                call_command("create_demo", verbosity=1, stdout=self.stdout)
        finally:
            # The parent only waits from here on: it needs no connection of its own.
            connections.close_all()


def _banner(options: Options) -> str:
    shown = options.host if options.host not in ("127.0.0.1", "::1", "0.0.0.0", "::") else ""
    lines = [f"{settings.PRODUCT_NAME} is ready.", ""]
    if options.demo:
        acme = f"http://acme.localhost:{options.port}"
        lines += [
            f"Web app    {acme}/",
            f"Admin      {acme}/admin/",
            f"API        {acme}/api/v1/docs",
            f"           members {DEMO_MEMBERS}; password demo-demo",
            f"Tenant 2   http://globex.localhost:{options.port}/ with members of the same names",
            f"Platform   http://platform.localhost:{options.port}/admin/ root / demo-demo",
        ]
    else:
        lines += [f"Platform   http://platform.localhost:{options.port}/admin/"]
    if shown:
        lines += [f"Listening  {shown}:{options.port}"]
    lines += [f"Model      {_model()}", f"Data       {_data(options)}", "", "Ctrl-C stops it."]
    width = max(map(len, lines))
    rule = "-" * (width + 4)
    return "\n".join([rule, *(f"| {line:<{width}} |" for line in lines), rule])


def _model() -> str:
    if settings.MODEL_BASE_URL or settings.MODEL_NAME:
        return f"{settings.MODEL_NAME or 'default'} at {settings.MODEL_BASE_URL or 'its provider'}"
    return "offline demo model; set MODEL_BASE_URL, MODEL_NAME, MODEL_API_KEY for a real one"


def _data(options: Options) -> str:
    data_dir = options.data_dir
    shown = data_dir.relative_to(Path.cwd()) if data_dir.is_relative_to(Path.cwd()) else data_dir
    return f"{shown} (with the embedded database)" if not options.database_url else str(shown)
