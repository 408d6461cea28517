"""The product's application in a server that knows the parcels' tool as well."""

from __future__ import annotations

from config.asgi import application  # isort: skip - it readies Django for what follows

from tests.support import parcels

__all__ = ["application"]

parcels.register()
