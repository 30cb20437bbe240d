"""The memory of the process: measured, bounded, and the pace it allows."""
