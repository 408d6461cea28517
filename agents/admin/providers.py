"""Model providers, models, and the tenant's default: the registry's pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from agents.admin.pages import change_url, console_page, found, log_change, to
from agents.admin.provider_form import (
    ChatModelForm,
    FallbackForm,
    ModelSettingsForm,
    ProviderForm,
)
from agents.admin.scoped import ScopedAdmin, ScopedInline, scoped
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from agents.providers.models import ChatModel, Fallback, ModelSettings, Provider
from agents.providers.probe import probe
from agents.providers.services import agents_using
from tenants.accounts.scopes import Scope


def _on_off(enabled: bool) -> SafeString:
    return badge("on", "success") if enabled else badge("off", "neutral")


def _test_page(
    admin_class: Any, request: HttpRequest, row: Any, provider: Provider, model_id: str
) -> HttpResponse:
    """Asks what will be done, and on POST does it and shows what came of it."""
    known = row.parameters if isinstance(row, ChatModel) else {}
    finding = None
    if request.method == "POST":
        if not isinstance(row, ChatModel):
            model_id = " ".join(request.POST.get("model_id", "").split())[:200]
            match = ChatModel.objects.filter(provider=provider, model_id=model_id).first()
            known = match.parameters if match else {}
        if model_id:
            finding = probe(provider, model_id, known)
            log_change(request, row, f"Tested {model_id}: {finding.title}.")
        else:
            messages.error(request, "Write the id of a model to ask.")
    context = {
        "title": f"Test {row}",
        "original": row,
        "provider": provider,
        "model_id": model_id,
        "fixed": isinstance(row, ChatModel),
        "finding": finding,
        "back": change_url(row),
    }
    return console_page(admin_class, request, "admin/console/provider_test.html", context)


@admin.register(Provider, site=tenant_site)
class ProviderAdmin(ScopedAdmin):
    view_scope = Scope.PROVIDERS_READ
    add_scope = Scope.PROVIDERS_WRITE
    change_scope = Scope.PROVIDERS_WRITE
    delete_scope = Scope.PROVIDERS_WRITE

    empty_icon = "cloud"
    empty_title = "No provider yet"
    empty_text = "Until there is one, agents use the model that this installation is set up with."

    form = ProviderForm
    list_display = ("title", "kind", "address", "key_shown", "models_count", "state")
    list_display_links = ("title",)
    list_filter = ("kind", "is_enabled")
    search_fields = ("name", "slug", "base_url")
    search_help_text = "Name, slug or address"
    ordering = ("name",)
    readonly_fields = ("key_shown", "models_shown")
    actions_detail = ("test", "add_model")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Provider]:
        return super().get_queryset(request).prefetch_related("models")

    def get_fieldsets(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        writes = self.has_change_permission(request)
        key: tuple[str, ...] = ("key_shown",)
        if writes:
            key = ("key_shown", "new_key", "remove_key") if obj and obj.api_key else ("new_key",)
        return (
            (
                "Identity",
                {
                    "fields": (("name", "slug"), ("kind", "is_enabled"))
                    + (("models_shown",) if obj else ())
                },
            ),
            ("Address and key", {"fields": ("base_url", *key)}),
            ("Of some kinds", {"fields": (("organisation", "api_version"), "counts_tokens")}),
            (
                "Time-outs",
                {
                    "fields": (
                        ("connect_seconds", "first_token_seconds"),
                        ("idle_seconds", "total_seconds"),
                    ),
                    "description": "Seconds.",
                },
            ),
            (
                "Limits",
                {
                    "fields": (("requests_per_minute", "tokens_per_minute"), "concurrent_calls"),
                    "description": "What this installation asks of the provider at most.",
                },
            ),
        )

    def get_prepopulated_fields(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        return {"slug": ("name",)} if obj is None else {}

    @display(description="Provider", ordering="name")
    def title(self, provider: Provider) -> SafeString:
        return format_html(
            '<span class="cx-two"><strong>{}</strong><small>{}</small></span>',
            provider.name,
            provider.slug,
        )

    @display(description="Key")
    def key_shown(self, provider: Provider) -> SafeString | str:
        if not provider.api_key:
            return "none"
        return format_html("set {}", ago(provider.api_key_set_at))

    @display(description="Models")
    def models_count(self, provider: Provider) -> int:
        return len(provider.models.all())

    @display(description="State", ordering="is_enabled")
    def state(self, provider: Provider) -> SafeString:
        return _on_off(provider.is_enabled)

    @display(description="Models")
    def models_shown(self, provider: Provider) -> SafeString | str:
        links = ((change_url(model), model.name) for model in provider.models.all())
        return format_html_join(", ", '<a class="cx-link" href="{}">{}</a>', links) or "none yet"

    @scoped(Scope.PROVIDERS_WRITE, description="Test…", icon="network_check")
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        provider = found(self, request, object_id)
        first = provider.models.order_by("name").first()
        return _test_page(self, request, provider, provider, first.model_id if first else "")

    @scoped(Scope.PROVIDERS_WRITE, description="Add a model", icon="add", url_path="add-model")
    def add_model(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        provider = found(self, request, object_id)
        return to(f"{reverse('admin:providers_chatmodel_add')}?provider={provider.pk}")


class FallbackInline(ScopedInline):
    model = Fallback
    form = FallbackForm
    fk_name = "model"
    extra = 0
    verbose_name = "fallback"
    verbose_name_plural = "Fallbacks: asked in this order when the model can't be reached"
    view_scope = Scope.PROVIDERS_READ
    add_scope = Scope.PROVIDERS_WRITE
    change_scope = Scope.PROVIDERS_WRITE
    delete_scope = Scope.PROVIDERS_WRITE


@admin.register(ChatModel, site=tenant_site)
class ChatModelAdmin(ScopedAdmin):
    view_scope = Scope.PROVIDERS_READ
    add_scope = Scope.PROVIDERS_WRITE
    change_scope = Scope.PROVIDERS_WRITE
    delete_scope = Scope.PROVIDERS_WRITE

    empty_icon = "neurology"
    empty_title = "No model yet"
    empty_text = "Add a provider first, then its models under the names that agents shall use."

    form = ChatModelForm
    list_display = ("title", "provider", "prices", "context", "chain", "state")
    list_display_links = ("title",)
    list_filter = ("provider", "is_enabled", "supports_tools")
    list_select_related = ("provider",)
    search_fields = ("name", "model_id", "provider__name")
    search_help_text = "Name, provider or the provider's id"
    ordering = ("name",)
    inlines = (FallbackInline,)
    actions_detail = ("test",)
    fieldsets = (
        ("Identity", {"fields": ("name", ("provider", "model_id"), "is_enabled")}),
        (
            "Prices",
            {
                "fields": (("input_price", "output_price"), "cached_input_price"),
                "description": "Without prices its runs have no cost.",
            },
        ),
        ("Abilities", {"fields": (("context_tokens", "supports_tools"), "parameters")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChatModel]:
        return super().get_queryset(request).prefetch_related("fallbacks__fallback")

    @display(description="Model", ordering="name")
    def title(self, model: ChatModel) -> SafeString:
        return format_html(
            '<span class="cx-two"><strong>{}</strong><small>{}</small></span>',
            model.name,
            model.model_id,
        )

    @display(description="Price in · out")
    def prices(self, model: ChatModel) -> str:
        if model.input_price is None or model.output_price is None:
            return "—"
        return f"{model.input_price.normalize():f} · {model.output_price.normalize():f}"

    @display(description="Context", ordering="context_tokens")
    def context(self, model: ChatModel) -> str:
        return f"{model.context_tokens:,}" if model.context_tokens else "—"

    @display(description="Fallbacks")
    def chain(self, model: ChatModel) -> str:
        return " → ".join(link.fallback.name for link in model.fallbacks.all()) or "—"

    @display(description="State", ordering="is_enabled")
    def state(self, model: ChatModel) -> SafeString:
        return _on_off(model.is_enabled and model.provider.is_enabled)

    @scoped(Scope.PROVIDERS_WRITE, description="Test…", icon="network_check")
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        model = found(self, request, object_id)
        return _test_page(self, request, model, model.provider, model.model_id)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        model = self.get_object(request, object_id)
        if model is not None and self.has_delete_permission(request, model):
            users = agents_using(model.name)
            if users:
                messages.error(
                    request,
                    f"Agents use {model.name}: {', '.join(users)}. Give them another model and "
                    "publish them first, or switch this one off.",
                )
                return to(change_url(model))
        return super().delete_view(request, object_id, extra_context)


@admin.register(ModelSettings, site=tenant_site)
class ModelSettingsAdmin(ScopedAdmin):
    """One row: the list leads to it, and it can neither be added twice nor deleted."""

    view_scope = Scope.PROVIDERS_READ
    add_scope = None
    change_scope = Scope.PROVIDERS_WRITE
    delete_scope = None

    form = ModelSettingsForm

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)  # type: ignore[return-value]
        row, _ = ModelSettings.objects.get_or_create(pk=1)
        return to(change_url(row))

    def response_change(self, request: HttpRequest, obj: ModelSettings) -> HttpResponse:
        messages.success(request, "The model settings are saved: new runs use them from now on.")
        return to(change_url(obj))
