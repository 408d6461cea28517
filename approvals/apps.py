from __future__ import annotations

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"
    verbose_name = "Approvals"

    def ready(self) -> None:
        from approvals import grants
        from approvals.audit import acting
        from approvals.audit.record import record
        from tenants import happened

        grants.connect()
        acting.connect()
        happened.on(record)
