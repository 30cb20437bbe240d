"""YAML text to checked settings."""
