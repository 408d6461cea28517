"""Settings of signing in, passwords, invitations and the mail they send."""

from __future__ import annotations

from config.env import env_bool, env_float, env_int, env_list, env_str
from config.links import public_url
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
RESET_SECONDS = env_int("RESET_SECONDS", 3600)  # for which a link to set a new password is good
RESET_MAILS = env_int("RESET_MAILS", 3)  # for one name, until a pause
RESET_ADDRESS_MAILS = env_int("RESET_ADDRESS_MAILS", 20)  # asked for from one address
PASSWORD_RESET_TIMEOUT = RESET_SECONDS

# --- invitations ----------------------------------------------------------------------------------
INVITATION_DAYS = env_int("INVITATION_DAYS", 7)
INVITATIONS_MAX = env_int("INVITATIONS_MAX", 500)  # open at once in one tenant

# --- mail and the links in it ---------------------------------------------------------------------
# Links are made from the tenant's main host, never from what a request says its host is.
PUBLIC_URL = public_url(env_str("PUBLIC_URL", "https://{host}"))
EMAIL_HOST = env_str("EMAIL_HOST", "")
EMAIL_PORT = env_int("EMAIL_PORT", 587)
EMAIL_HOST_USER = env_str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env_str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_SSL = env_bool("EMAIL_USE_SSL", False)
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", not EMAIL_USE_SSL)
EMAIL_TIMEOUT = env_int("EMAIL_TIMEOUT", 10)  # seconds
DEFAULT_FROM_EMAIL = env_str("DEFAULT_FROM_EMAIL", "concord@localhost")
# Without a mail server nothing is sent, and pages say so; a log is no place for such links.
MAIL_IS_SENT = bool(EMAIL_HOST)
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_HOST
    else "django.core.mail.backends.dummy.EmailBackend"
)
