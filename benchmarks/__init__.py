"""Reproducible measurements: this platform beside others, and lists at scale."""
