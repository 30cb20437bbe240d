"""An extension without options."""

from penstock.pipeline import Context, Extension, ExtensionConfig


class Config(ExtensionConfig):
    """No options."""

    def build(self, context: Context) -> Extension:
        """Settings are checked here, not built."""
        raise AssertionError(context)
