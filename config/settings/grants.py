"""What holds for tools where no grant says otherwise: part of the base settings."""

from __future__ import annotations

from config.env import env_float, env_int

# How long somebody may take to decide on a call of a tool that no grant is about.
APPROVAL_EXPIRES_MINUTES = env_int("APPROVAL_EXPIRES_MINUTES", 1440, least=1)
GRANTS_CACHE_SECONDS = env_float("GRANTS_CACHE_SECONDS", 60.0)
