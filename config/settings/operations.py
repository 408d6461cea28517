"""Metrics, logs and overload: part of the base settings."""

from __future__ import annotations

import re
from ipaddress import ip_network

from config.env import EnvError, env_bool, env_float, env_int, env_list, env_str
from config.logs import logging_config

# --- logs -----------------------------------------------------------------------------------------
LOG_FORMAT = env_str("LOG_FORMAT", "plain")
LOG_LEVEL = env_str("LOG_LEVEL", "WARNING").upper()
ACCESS_LOG = env_bool("ACCESS_LOG", False)
RUN_LOG = env_bool("RUN_LOG", False)
LOGGING = logging_config(LOG_FORMAT, LOG_LEVEL)

# --- metrics --------------------------------------------------------------------------------------
METRICS_TOKEN = env_str("METRICS_TOKEN", "")
METRICS_NETWORKS = env_list(
    "METRICS_NETWORKS",
    ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
)
METRICS_HOST = env_str("METRICS_HOST", "127.0.0.1")
METRICS_PORT = env_int("METRICS_PORT", 0, least=0)
METRICS_CACHE_SECONDS = env_float("METRICS_CACHE_SECONDS", 5.0)
TENANT_CLASSES = env_list("TENANT_CLASSES", ["standard"])

for _network in METRICS_NETWORKS:
    try:
        ip_network(_network)
    except ValueError as _error:
        raise EnvError(f"METRICS_NETWORKS: {_error}") from None
for _class in TENANT_CLASSES:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,19}", _class):
        raise EnvError(
            f"TENANT_CLASSES: {_class!r}: expected small letters, digits, - and _, at most 20"
        )

# --- overload -------------------------------------------------------------------------------------
# 0 means no limit, for each of these.
QUEUE_MAX = env_int("QUEUE_MAX", 50_000, least=0)
QUEUE_MAX_PER_TENANT = env_int("QUEUE_MAX_PER_TENANT", 20_000, least=0)
STREAMS_MAX = env_int("STREAMS_MAX", 5000, least=0)
SOCKETS_MAX = env_int("SOCKETS_MAX", 5000, least=0)
LOOP_LAG_MAX_MS = env_int("LOOP_LAG_MAX_MS", 2000, least=0)
STREAM_STALL_SECONDS = env_float("STREAM_STALL_SECONDS", 60.0)
LOOP_LAG_SECONDS = env_float("LOOP_LAG_SECONDS", 3.0)
# A start is refused when so many others wait for a connection, or when it waited so long.
# In a rush, runs that have begun wait so long at most until no more than so many are being started.
START_FIRST_ABOVE = env_int("START_FIRST_ABOVE", 32)
START_FIRST_SECONDS = env_float("START_FIRST_SECONDS", 4.0)
START_DATABASE_WAITING = env_int("START_DATABASE_WAITING", 2000, least=1)
START_DATABASE_SECONDS = env_float("START_DATABASE_SECONDS", 10.0)
