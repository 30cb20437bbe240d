"""Numbers that a business runs on, from spans, log records and metrics."""
