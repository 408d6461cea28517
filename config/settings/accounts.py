"""Settings of signing in, passwords, invitations and the mail they send."""

from __future__ import annotations

from config.env import env_float, env_int, env_list
from config.proxies import trusted_proxies

# --- who is asking --------------------------------------------------------------------------------
TRUSTED_PROXIES = trusted_proxies(env_list("TRUSTED_PROXIES", []))
AUTHENTICATION_BACKENDS = ["tenants.accounts.backend.ThrottledBackend"]

# --- limits of signing in: failed tries, and the pauses that follow them --------------------------
SIGN_IN_TRIES = env_int("SIGN_IN_TRIES", 10)  # of one account from one address or device
SIGN_IN_ADDRESS_TRIES = env_int("SIGN_IN_ADDRESS_TRIES", 100)  # of one address, all accounts
SIGN_IN_ACCOUNT_TRIES = env_int("SIGN_IN_ACCOUNT_TRIES", 50)  # of one account, strange places
SIGN_IN_PAUSE_SECONDS = env_float("SIGN_IN_PAUSE_SECONDS", 30.0)  # the first; each doubles
SIGN_IN_PAUSE_SECONDS_MAX = env_float("SIGN_IN_PAUSE_SECONDS_MAX", 900.0)
SIGN_IN_ACCOUNT_PAUSE_SECONDS = env_float("SIGN_IN_ACCOUNT_PAUSE_SECONDS", 60.0)
SIGN_IN_WINDOW_SECONDS = env_float("SIGN_IN_WINDOW_SECONDS", 900.0)
SIGN_IN_DEVICE_DAYS = env_int("SIGN_IN_DEVICE_DAYS", 180)
# Threads that check passwords for the API: the hasher is slow on purpose.
PASSWORD_THREADS = env_int("PASSWORD_THREADS", 2)

# --- passwords ------------------------------------------------------------------------------------
PASSWORD_MIN_LENGTH = env_int("PASSWORD_MIN_LENGTH", 12)
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "tenants.accounts.passwords.PasswordPolicy",
        "OPTIONS": {"min_length": PASSWORD_MIN_LENGTH},
    }
]
