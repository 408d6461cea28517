"""Checks of content before a model sees it and before anyone sees the answer.

`specs` says what is configured, `plan` makes of it what runs; the runtime journals the verdicts.
"""
