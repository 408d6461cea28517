"""What happens to a tenant, for apps that keep something of it in the shared schema.

Sent on the shared schema, in the transaction of the change, with `schema`: receivers write there
and nowhere else, and one that raises undoes the change.
"""

from __future__ import annotations

from django.dispatch import Signal

tenant_resumed = Signal()
tenant_dropped = Signal()
