"""How large a workflow may be, and how much of one may run."""

from config.env import env_float, env_int

WORKFLOW_MAX_NODES = env_int("WORKFLOW_MAX_NODES", 500, least=1)  # with those inside groups
WORKFLOW_MAX_CHARS = env_int("WORKFLOW_MAX_CHARS", 500_000, least=1000)  # of its YAML
WORKFLOW_CONCURRENCY_MAX = env_int("WORKFLOW_CONCURRENCY_MAX", 50, least=1)  # nodes at once
WORKFLOW_MAX_STEPS = env_int("WORKFLOW_MAX_STEPS", 20_000, least=1)  # of a run, rounds and all
WORKFLOW_DEPTH_MAX = env_int("WORKFLOW_DEPTH_MAX", 8, least=1)  # runs below one another
# Of what one node gives, as JSON.
WORKFLOW_VALUE_MAX_CHARS = env_int("WORKFLOW_VALUE_MAX_CHARS", 500_000, least=1000)
# A wait that is longer gives the run up until then.
WORKFLOW_WAIT_HELD_SECONDS = env_float("WORKFLOW_WAIT_HELD_SECONDS", 5.0)
