"""What a tenant, and a member, may use where nobody said otherwise: part of the base settings.

0 means no limit, for each of these. Costs are in each tenant's own currency.
"""

from __future__ import annotations

from config.env import env_float, env_int

TENANT_RUNS_PER_MINUTE = env_int("TENANT_RUNS_PER_MINUTE", 0, least=0)
TENANT_LIVE_RUNS = env_int("TENANT_LIVE_RUNS", 0, least=0)  # waiting or running
TENANT_TOKENS_PER_DAY = env_int("TENANT_TOKENS_PER_DAY", 0, least=0)
TENANT_TOKENS_PER_MONTH = env_int("TENANT_TOKENS_PER_MONTH", 0, least=0)
TENANT_COST_PER_DAY = env_float("TENANT_COST_PER_DAY", 0.0)
TENANT_COST_PER_MONTH = env_float("TENANT_COST_PER_MONTH", 0.0)
MEMBER_RUNS_PER_MINUTE = env_int("MEMBER_RUNS_PER_MINUTE", 0, least=0)
MEMBER_LIVE_RUNS = env_int("MEMBER_LIVE_RUNS", 0, least=0)
MEMBER_TOKENS_PER_DAY = env_int("MEMBER_TOKENS_PER_DAY", 0, least=0)
MEMBER_TOKENS_PER_MONTH = env_int("MEMBER_TOKENS_PER_MONTH", 0, least=0)
MEMBER_COST_PER_DAY = env_float("MEMBER_COST_PER_DAY", 0.0)
MEMBER_COST_PER_MONTH = env_float("MEMBER_COST_PER_MONTH", 0.0)
LIMITS_CACHE_SECONDS = env_float("LIMITS_CACHE_SECONDS", 60.0)
USAGE_DAYS = env_int("USAGE_DAYS", 800, least=62)  # for which use is kept, by the day
