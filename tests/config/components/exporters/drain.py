"""What `puddle` stands for today, and an option with an older name."""

from pydantic import BaseModel, ConfigDict

from penstock.pipeline import Context, Exporter, ExporterConfig


class Queue(BaseModel):
    """As every exporter has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    block_on_overflow: bool = False


class Config(ExporterConfig):
    """A queue."""

    sending_queue: Queue = Queue()

    def build(self, context: Context) -> Exporter:
        """Settings are checked here, not built."""
        raise AssertionError(context)
