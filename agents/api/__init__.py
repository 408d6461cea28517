"""The HTTP API of agents, runs and sessions: thin routes over `agents.services`."""
