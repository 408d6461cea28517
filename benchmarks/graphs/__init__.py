"""Workflows and teams, measured beside LangGraph: `python -m benchmarks.graphs`."""
