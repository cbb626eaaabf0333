"""Plans, connections, pipeline rules and mappings: their models, their YAML, and what may be said in it."""
