"""How the embedded Postgres is made and configured: one small machine, one private socket."""

from __future__ import annotations

SUPERUSER = "postgres"

INITDB = (
    f"--username={SUPERUSER}",
    "--encoding=UTF8",
    # The server's own rules for text: the same order on every machine, whatever its locales.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--auth-local=trust",
    "--auth-host=reject",
    "--no-instructions",
)
SETTINGS = """\
# Written at every start; changes belong into config/embedded_settings.py.
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket_dir}'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 128MB
max_wal_size = 512MB
# A schema per tenant: dropping or dumping one locks all its tables at once.
max_locks_per_transaction = 256
jit = off
timezone = 'UTC'
# What members write must not reach the log by way of a failed statement.
log_min_messages = warning
log_min_error_statement = panic
log_error_verbosity = terse
log_checkpoints = off
log_timezone = 'UTC'
fsync = {durable}
synchronous_commit = {durable}
full_page_writes = {durable}
"""
