"""How the console (django-unfold) looks; one table for both sites.

What depends on who asks is a dotted path: unfold calls it with the request.
"""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Concord",
    "SITE_HEADER": "Concord",
    "SITE_SUBHEADER": "agents.admin.navigation.subheader",
    "SITE_URL": None,
    "SITE_ICON": lambda request: static("console/mark.svg"),
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("console/mark.svg"),
        },
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "agents.admin.navigation.environment",
    "BORDER_RADIUS": "8px",
    "STYLES": [lambda request: static("console/console.css")],
    "SCRIPTS": [
        lambda request: static("console/refresh.js"),
        lambda request: static("console/icons.js"),
        lambda request: static("console/copy.js"),
        lambda request: static("console/focus.js"),
        lambda request: static("console/waiting.js"),
    ],
    "COLORS": {
        "base": {
            "50": "oklch(98.4% .003 230)",
            "100": "oklch(96.6% .005 230)",
            "200": "oklch(92.6% .008 230)",
            "300": "oklch(86.8% .013 230)",
            "400": "oklch(70.6% .022 230)",
            "500": "oklch(55.0% .025 230)",
            "600": "oklch(44.6% .025 230)",
            "700": "oklch(37.2% .024 230)",
            "800": "oklch(27.6% .021 230)",
            "900": "oklch(20.6% .018 230)",
            "950": "oklch(14.0% .014 230)",
        },
        "primary": {
            "50": "#f0fdfa",
            "100": "#ccfbf1",
            "200": "#99f6e4",
            "300": "#5eead4",
            "400": "#2dd4bf",
            "500": "#14a899",
            "600": "#0f766e",
            "700": "#115e59",
            "800": "#134e4a",
            "900": "#113b38",
            "950": "#042f2e",
        },
    },
    "ACCOUNT": {"navigation": "agents.admin.navigation.account_links"},
    "COMMAND": {"search_models": False, "show_history": False},
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "agents.admin.navigation.sidebar",
    },
}
