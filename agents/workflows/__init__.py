"""Workflows as definitions: the typed graph, its flaws, its order, its YAML and its drawing."""
