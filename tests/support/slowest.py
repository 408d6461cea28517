"""Which files take longest, so that they are begun first.

Whole files are dealt out to the processes of a run: a long one begun last would keep one of them
busy while the others have nothing left to do. Measured with `--durations`, and good for as long
as it is about right.
"""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
SLOWEST = (
    "matrix/test_pages_matrix",
    "admin/test_console_pages",
    "tenancy/test_migrating_tenants",
    "runtime/test_fleet_faults",
    "ops/test_slow_reader",
    "web/test_content_policy",
    "config/test_up",
    "ops/test_overload",
    "web/test_display",
    "docs/test_deployment",
    "runtime/test_executors",
    "web/test_streaming_page",
    "web/test_approval_cards",
    "web/test_chat_page",
    "admin/test_platform_console",
    "web/test_sessions_page",
    "audit/test_chain",
    "accounts/test_at_once",
    "config/test_production",
    "admin/test_approvals_by_hand",
    "runtime/test_recovery",
    "guardrails/test_stream_redaction",
    "approvals/test_long_waits",
    "config/test_embedded_recovery",
    "matrix/test_api_matrix",
    "admin/test_members_console",
    "runtime/test_waiting_streams",
    "accounts/test_key_rotation",
    "accounts/test_sign_in_limits",
    "runtime/test_draining",
    "admin/test_fleet_console",
    "admin/test_story",
    "admin/test_service_accounts_console",
)
_RANKS = {TESTS / f"{name}.py": rank for rank, name in enumerate(SLOWEST)}


def rank(file: Path) -> int:
    """The smaller, the earlier; the same for all that are not slow."""
    return _RANKS.get(file, len(_RANKS))
