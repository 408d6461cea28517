"""Tenants and domains on the platform's console."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from agents.admin.catalog_verb import CatalogVerb
from agents.admin.limit_form import TENANT_FIELDS, tenant_help
from agents.admin.pages import change_url, console_page, found, log_change, to
from agents.admin.platform_site import platform_site
from agents.admin.provisioning_form import DomainForm, HostsFormset, OwnerForm, ProvisionForm
from agents.admin.scoped import ScopedAdmin, ScopedInline, scoped
from agents.admin.shown import ago, status_badge
from agents.admin.tenant_limits import tenant_use
from agents.admin.tenant_verbs import TenantVerbs
from tenants import directory
from tenants.accounts.scopes import Scope
from tenants.context import use_shared
from tenants.middleware import host_name
from tenants.models import Domain, Tenant
from tenants.owners import create_owner, has_owner
from tenants.provisioning import declare_tenant
from tenants.tasks import enqueue


class DomainInline(ScopedInline):
    model = Domain
    form = DomainForm
    formset = HostsFormset
    extra = 0
    fields = ("domain", "is_primary")
    ordering = ("-is_primary", "domain")
    view_scope = Scope.PLATFORM_READ
    add_scope = Scope.PLATFORM_WRITE
    change_scope = Scope.PLATFORM_WRITE
    delete_scope = Scope.PLATFORM_WRITE

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        formset.in_use = formset.form.in_use = host_name(request.get_host())
        return formset


@admin.register(Tenant, site=platform_site)
class TenantAdmin(CatalogVerb, TenantVerbs, ScopedAdmin):
    view_scope = Scope.PLATFORM_READ
    add_scope = Scope.PLATFORM_WRITE
    change_scope = Scope.PLATFORM_WRITE
    delete_scope = Scope.PLATFORM_WRITE

    empty_icon = "apartment"
    empty_title = "No tenant yet"
    empty_text = "A tenant is one customer with a schema, members and agents of their own."

    list_display = ("title", "state_shown", "hosts", "created")
    list_display_links = ("title",)
    list_filter = ("state", "kind", "tenant_class")
    search_fields = ("schema_name", "name", "domains__domain")
    search_help_text = "Slug, name or host"
    ordering = ("schema_name",)
    fieldsets = (
        (None, {"fields": ("name", "schema_name", "kind", "tenant_class", "created")}),
        ("Limits", {"fields": TENANT_FIELDS}),
    )
    readonly_fields = ("schema_name", "kind", "created")
    inlines = (DomainInline,)
    change_form_outer_before_template = "admin/console/tenant_state.html"
    change_form_outer_after_template = "admin/console/tenant_use.html"
    actions_detail = (
        "open_tenant",
        "add_owner",
        "install_catalog",
        "suspend",
        "resume",
        "try_again",
        "remove",
    )

    # --- the list ---------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        hosts = Domain.objects.order_by("-is_primary", "domain")
        return super().get_queryset(request).prefetch_related(Prefetch("domains", hosts))

    @display(description="Tenant", ordering="schema_name")
    def title(self, tenant: Tenant) -> SafeString:
        return format_html(
            '<span class="cx-two"><strong>{}</strong><small>{}</small></span>',
            str(tenant),
            tenant.schema_name,
        )

    @display(description="State", ordering="state")
    def state_shown(self, tenant: Tenant) -> SafeString:
        return status_badge(tenant.state, tenant.get_state_display())

    @display(description="Hosts")
    def hosts(self, tenant: Tenant) -> str:
        return ", ".join(domain.domain for domain in tenant.domains.all())

    @display(description="Created", ordering="created_at")
    def created(self, tenant: Tenant) -> SafeString | str:
        return ago(tenant.created_at)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A tenant's class is one of TENANT_CLASSES, or what it has been so far."""
        if db_field.name != "tenant_class":
            of_limit = tenant_help(db_field.name)
            said = {"help_text": of_limit} if of_limit else {}
            return super().formfield_for_dbfield(db_field, request, **kwargs, **said)
        match = request.resolver_match
        known = list(settings.TENANT_CLASSES)
        tenant = self.get_object(request, match.kwargs.get("object_id", "")) if match else None
        if tenant is not None and tenant.tenant_class not in known:
            known.append(tenant.tenant_class)
        return forms.ChoiceField(
            label="Class",
            choices=[(name, name) for name in known],
            widget=UnfoldAdminSelectWidget,
            help_text="Metrics count its runs under this word; it changes nothing else.",
        )

    # --- provisioning -----------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ProvisionForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            return to(change_url(self._provision(request, form.cleaned_data)))
        context = {"title": "New tenant", "form": form, "button": "Set up the tenant"}
        return console_page(self, request, "admin/console/provision.html", context)

    def _provision(self, request: HttpRequest, data: dict[str, Any]) -> Tenant:
        """Rows and job in one transaction: a tenant without its job would never be set up."""
        with use_shared(), transaction.atomic():
            tenant = declare_tenant(data["slug"], data["name"], data["hosts"])
            password = make_password(data["password"])
            enqueue(
                "tenants.owners.set_up_with_owner",
                data["slug"],
                data["username"],
                data["email"],
                password,
            )
        self.log_addition(request, tenant, f"Declared for {', '.join(data['hosts'])}.")
        return tenant

    # --- the tenant's page ------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Tenant | None = None) -> Any:
        """The platform itself runs nothing, so it has no limits."""
        of_platform = obj is not None and obj.kind == Tenant.Kind.PLATFORM
        return self.fieldsets[:1] if of_platform else self.fieldsets

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        use = tenant_use(request, context["original"])
        return super().render_change_form(request, {**context, **use}, *args, **kwargs)

    def extra_pages(self) -> Any:
        return (("<path:object_id>/state/", "state", self.state_part),)

    @scoped(Scope.PLATFORM_READ)
    def state_part(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The panel that says how far the set-up is; the page asks for it until it is done."""
        tenant = found(self, request, object_id)
        context = {"original": tenant, "tenant": tenant}
        response = console_page(self, request, "admin/console/tenant_state.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @scoped(Scope.PLATFORM_WRITE, description="Add an owner", icon="person_add")
    def add_owner(self, request: HttpRequest, object_id: str) -> HttpResponse:
        tenant = found(self, request, object_id)
        form = OwnerForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data
            password = make_password(data["password"])
            if create_owner(tenant.schema_name, data["username"], data["email"], password):
                log_change(request, tenant, f"Gave it the owner {data['username']}.")
                messages.success(request, f"{data['username']} can sign in as an owner.")
                return to(change_url(tenant))
            form.add_error("username", "There is a member with that username already.")
        context = {"title": "Add an owner", "form": form, "original": tenant, "button": "Add"}
        return console_page(self, request, "admin/console/provision.html", context)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        transaction.on_commit(directory.forget)

    def action_applies(self, request: HttpRequest, action: str, object_id: Any) -> bool:
        tenant = self.get_object(request, str(object_id))
        if tenant is None or tenant.kind == Tenant.Kind.PLATFORM:
            return False
        state, states = tenant.state, Tenant.State
        return {
            "open_tenant": state == states.ACTIVE,
            "add_owner": state == states.ACTIVE and not has_owner(tenant.schema_name),
            "install_catalog": state == states.ACTIVE,
            "suspend": state == states.ACTIVE,
            "resume": state == states.SUSPENDED,
            "try_again": state == states.FAILED,
            "remove": state != states.ACTIVE,
        }.get(action, False)


@admin.register(Domain, site=platform_site)
class DomainAdmin(ScopedAdmin):
    view_scope = Scope.PLATFORM_READ
    add_scope = Scope.PLATFORM_WRITE
    change_scope = Scope.PLATFORM_WRITE
    delete_scope = Scope.PLATFORM_WRITE

    empty_icon = "language"
    empty_title = "No host yet"
    empty_text = "A host name leads browsers to one tenant."

    form = DomainForm
    fields = ("domain", "tenant", "is_primary")
    list_display = ("domain", "tenant", "is_primary")
    list_select_related = ("tenant",)
    search_fields = ("domain", "tenant__schema_name", "tenant__name")
    ordering = ("domain",)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.in_use = host_name(request.get_host())
        return form

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not the host the console is being used at: nobody could come back by it."""
        if obj is not None and obj.domain == host_name(request.get_host()):
            return False
        return super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Domain, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        transaction.on_commit(directory.forget)

    def delete_model(self, request: HttpRequest, obj: Domain) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(directory.forget)
