"""What components that speak Prometheus share: its rules, names and formats."""
