"""Tools: what an agent can call. Declared in a registry, validated and limited when called."""
