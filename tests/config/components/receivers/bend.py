"""A receiver whose type is also a connector's."""

from penstock.receivers.well import Config

__all__ = ["Config"]
