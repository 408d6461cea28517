"""Tenants interleaved under load, each looking for the others' rows: `make stress`.

Two servers and a task cluster on one database, many clients of several tenants at once. Two
controls run through the same harness and must be found leaking, or it is blind and fails: a server
that skips some of its tenancy checks, and one on django-tenants' own backend. What breaks them is
patched in by `faults`, in the harness's own server processes: the product has no such switch.
"""
