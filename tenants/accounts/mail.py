"""Mails to members: text and HTML from templates/mail, with links to the tenant's main host."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from config.errors import Conflict
from tenants.context import current_tenant, use_shared
from tenants.models import Domain


def public_link(path: str) -> str:
    """The address of `path` at the active tenant's main host. Conflict if the tenant has none.

    Never from a request's Host header: whoever sends that could turn a link towards themselves.
    """
    ref = current_tenant()
    with use_shared():
        domain = Domain.objects.filter(tenant=ref.id).order_by("-is_primary", "domain").first()
    if domain is None:
        raise Conflict("This tenant has no host that a link could lead to.", code="no_host")
    return settings.PUBLIC_URL.replace("{host}", domain.domain) + path


def check_mail() -> None:
    """Raises Conflict where this installation sends no mail."""
    if not settings.MAIL_IS_SENT:
        raise Conflict(
            "This installation sends no mail: whoever runs it sets EMAIL_HOST.", code="mail_off"
        )


def send(to: str, subject: str, template: str, context: dict[str, Any]) -> None:
    """Send one mail now: from a job of the cluster, for it waits for the mail server.

    `template` names templates/mail/<template>.txt and .html. Raises what the mail server says;
    the job is then among the failed ones, where it can be tried again.
    """
    tenant = current_tenant().name or current_tenant().schema
    full = {"tenant_name": tenant, "product_name": settings.PRODUCT_NAME, **context}
    mail = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=render_to_string(f"mail/{template}.txt", full),
        to=[to],
    )
    mail.attach_alternative(render_to_string(f"mail/{template}.html", full), "text/html")
    mail.send()
