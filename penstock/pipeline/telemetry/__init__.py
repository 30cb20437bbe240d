"""Penstock's own telemetry: counted, shown, pushed."""
