"""The audit log: who did what, on what, from where; append-only and sealed in a chain."""
