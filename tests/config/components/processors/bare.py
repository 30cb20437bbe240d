"""A module without settings."""
