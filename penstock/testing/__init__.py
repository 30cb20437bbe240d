"""Tests of settings: what goes into a pipeline, and what must come out of it."""
