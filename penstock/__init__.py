"""Penstock: a telemetry pipeline that speaks the OpenTelemetry Collector's vocabulary."""
