"""How the console (django-unfold) looks and what its sidebar holds; one table for both sites.

Values that depend on who asks are dotted paths: unfold calls them with the request.
"""

from __future__ import annotations

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Concord",
    "SITE_HEADER": "Concord",
    "SITE_SYMBOL": "hub",
}
