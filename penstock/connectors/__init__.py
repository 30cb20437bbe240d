"""Connectors: one file each, named as its `type` in YAML."""
