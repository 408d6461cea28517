"""System checks: nothing is served that declares no scope."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register


@register()
def routes_declare_scopes(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every route of the API has `auth=requires(...)` or `auth=public(...)`."""
    from config.api import api
    from tenants.accounts.guard import Public, Requires

    errors: list[CheckMessage] = []
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                auth = operation.auth_callbacks
                if len(auth) != 1 or not isinstance(auth[0], (Public, Requires)):
                    errors.append(
                        Error(
                            f"{','.join(operation.methods)} {prefix}{path} declares no scope.",
                            hint="Give it auth=requires(Scope.…) or auth=public('why').",
                            id="concord.E001",
                        )
                    )
    return errors


@register()
def socket_actions_declare_scopes(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every action of the socket names its scope, or None with a reason."""
    from agents.consumers import ACTIONS, RunConsumer

    handlers = {name.removeprefix("do_") for name in dir(RunConsumer) if name.startswith("do_")}
    return [
        Error(f"The socket action {name!r} declares no scope.", id="concord.E002")
        for name in sorted(handlers ^ set(ACTIONS))
    ]


@register("security")
def no_demo_members(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """In production no demo member may sign in: their password is in the README."""
    from django.conf import settings

    if not settings.REFUSE_DEMO_MEMBERS or not databases:
        return []
    from tenants.accounts.demo import tenants_with_demo_members

    return [
        Error(
            f"Demo members can sign in to: {', '.join(found)}.",
            hint="Suspend them: manage.py suspend_demo.",
            id="concord.E003",
        )
        for found in [tenants_with_demo_members()]
        if found
    ]


@register("security")
def fit_for_production(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Settings that are derived from the production ones are held to the same."""
    from django.conf import settings

    from config.posture import faults

    if not settings.PRODUCTION:
        return []
    return [Error(f"{fault}.", id="concord.E005") for fault in faults(settings)]


@register()
def model_endpoint_is_whole(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """An endpoint without a model's name can't be asked anything."""
    from django.conf import settings

    if settings.MODEL_BASE_URL and not settings.MODEL_NAME:
        return [
            Error(
                "MODEL_BASE_URL is set, but MODEL_NAME is not.",
                hint="Set MODEL_NAME to a model that endpoint serves, or unset MODEL_BASE_URL.",
                id="concord.E004",
            )
        ]
    return []
