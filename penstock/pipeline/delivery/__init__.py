"""Delivery: everything between a batch that an exporter gets and its end."""
