"""Change telemetry by statements of OTTL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from penstock.ottl import Condition, Draft, ErrorMode, Program, Reporter, Statement
from penstock.pipeline import Batch, Processor, ProcessorConfig, Signal
from penstock.processors import _ottl as of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.pipeline import Context


class SpanStatements(of.Group):
    """Statements about spans or their events."""

    context: of.SpanContext | None = None
    """What paths are about that do not say so themselves."""
    conditions: list[of.SpanCondition] = Field(default=[])
    """The statements run for items for which any of them is true; for all, if there are none."""
    statements: list[of.SpanStatement]
    """What is done, in this order."""


class PointStatements(of.Group):
    """Statements about metrics or their data points."""

    context: of.PointContext | None = None
    """What paths are about that do not say so themselves."""
    conditions: list[of.PointCondition] = Field(default=[])
    """The statements run for items for which any of them is true; for all, if there are none."""
    statements: list[of.PointStatement]
    """What is done, in this order."""


class RecordStatements(of.Group):
    """Statements about log records."""

    context: of.RecordContext | None = None
    """What paths are about that do not say so themselves."""
    conditions: list[of.RecordCondition] = Field(default=[])
    """The statements run for items for which any of them is true; for all, if there are none."""
    statements: list[of.RecordStatement]
    """What is done, in this order."""


Groups = SpanStatements | PointStatements | RecordStatements


class Config(ProcessorConfig):
    """Options of the Collector's `transform` processor."""

    error_mode: ErrorMode = ErrorMode.IGNORE
    """What becomes of items for which a statement fails: `ignore` leaves them as they are and logs
    it, `silent` leaves them, `propagate` refuses the batch."""
    trace_statements: Annotated[
        list[
            Annotated[
                Annotated[of.SpanStatement, of.TEXT] | Annotated[SpanStatements, of.GROUP],
                of.EITHER,
            ]
        ],
        of.ONE_FORM,
    ] = Field(default=[])
    """What is done with spans and span events, in this order."""
    metric_statements: Annotated[
        list[
            Annotated[
                Annotated[of.PointStatement, of.TEXT] | Annotated[PointStatements, of.GROUP],
                of.EITHER,
            ]
        ],
        of.ONE_FORM,
    ] = Field(default=[])
    """What is done with metrics and data points, in this order."""
    log_statements: Annotated[
        list[
            Annotated[
                Annotated[of.RecordStatement, of.TEXT] | Annotated[RecordStatements, of.GROUP],
                of.EITHER,
            ]
        ],
        of.ONE_FORM,
    ] = Field(default=[])
    """What is done with log records, in this order."""

    not_here: ClassVar[Mapping[str, str]] = {
        "profile_statements": "profiles are not carried",
        "flatten_data": "records are never regrouped; use `groupbyattrs` after it",
    }

    def build(self, context: Context) -> Transform:
        """The processor."""
        return Transform(self, context)

    def programs(self, signal: Signal, context: Context) -> Iterator[list[Program]]:
        """The programs of a signal; those that come together share caches."""
        lists: dict[Signal, Sequence[str | Groups]] = {
            Signal.TRACES: self.trace_statements,
            Signal.METRICS: self.metric_statements,
            Signal.LOGS: self.log_statements,
        }
        entries = lists[signal]
        mode = of.reporter(context, self.error_mode)
        texts = [Statement.compile(text, signal) for text in entries if isinstance(text, str)]
        if texts:
            yield [Program([statement], [], mode) for statement in texts]
        for group in entries:
            if not isinstance(group, str):
                own = of.reporter(context, group.error_mode or self.error_mode)
                yield [_program(group, signal, own)]


def _program(group: Groups, signal: Signal, reporter: Reporter) -> Program:
    return Program(
        [Statement.compile(text, signal, group.context) for text in group.statements],
        [Condition.compile(text, signal, group.context) for text in group.conditions],
        reporter,
    )


class Transform(Processor):
    """Runs statements over every batch."""

    def __init__(self, config: Config, context: Context) -> None:
        self._lists = {signal: list(config.programs(signal, context)) for signal in Signal}

    def process(self, batch: Batch) -> Batch:
        """The batch after all statements. Raises `Invalid` where one fails and is to propagate."""
        draft = Draft(batch)
        for programs in self._lists[batch.signal]:
            for program in programs:
                program.run(draft)
            draft.drop_caches()
        return draft.batch
