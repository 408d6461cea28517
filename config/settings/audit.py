"""The audit log: part of the base settings."""

from __future__ import annotations

from config.env import env_float, env_int

# How often a process seals what it wrote; 0 leaves it to the schedule.
AUDIT_SEAL_SECONDS = env_float("AUDIT_SEAL_SECONDS", 0.5)
AUDIT_RETENTION_DAYS = env_int("AUDIT_RETENTION_DAYS", 0, least=0)  # 0: kept for ever

# The template for new tenants has no chain, and a part of one would be a false alarm in its copies.
CLONE_WITHOUT_ROWS = ["approvals_audithead", "approvals_auditkey"]
