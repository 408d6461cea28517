"""No database, no middleware, no apps: nothing but the handler."""

SECRET_KEY = "bench"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "benchmarks.relay.urls"
MIDDLEWARE: list[str] = []
USE_TZ = True
LOGGING_CONFIG = None
