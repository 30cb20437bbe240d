"""The native kernel: small verbs on OTLP bytes. It knows the wire, and no policy."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Literal, TypeAlias, final

from typing_extensions import Buffer as SupportsBuffer

_Signal: TypeAlias = Literal["traces", "metrics", "logs"]

class MalformedPayload(ValueError):  # noqa: N818
    """Bytes that are not what they claim to be."""

    offset: int
    """Where in the payload the fault is, in bytes from its start."""

@final
class Batch:
    """Immutable telemetry of one signal: OTLP bytes and an index of their items."""

    @staticmethod
    def from_otlp(signal: str, payload: SupportsBuffer) -> Batch: ...
    @staticmethod
    def from_json(signal: str, payload: SupportsBuffer) -> Batch: ...
    @staticmethod
    def concat(batches: Sequence[Batch]) -> Batch: ...
    def __len__(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def signal(self) -> _Signal: ...
    def column(self, path: str) -> tuple[bytes, list[Any]]:
        """A code for each item, as native uint32, and the value of each code."""

    def columns(self, paths: Sequence[str]) -> list[tuple[bytes, list[Any]]]:
        """The same for several paths, in one walk over the items."""

    def owners(self) -> bytes:
        """The position of the item of each message inside the items, as native uint32."""

    def parents(self, context: str) -> bytes:
        """The number of the resource, scope or metric of each item, as native uint32."""

    def keys(self, path: str) -> list[str]:
        """The distinct keys of the attributes at a path, in order of first appearance."""

    def repeats(self, path: str) -> bool:
        """Whether a key occurs twice in the attributes at a path of any item."""

    def numbers(self, path: str) -> tuple[bytes, Literal["int64", "float64"]]:
        """A number for each item, and numpy's name for their type."""

    def edit(
        self,
        sets: Sequence[tuple[str, SupportsBuffer, list[Any]]],
        retains: Sequence[tuple[str, SupportsBuffer, list[str]]],
    ) -> Batch:
        """Put values at paths and leave only some keys: (path, codes, values or keys).

        Codes are native uint32; items of the code 0xFFFFFFFF are left as they are.
        """

    def compact(self) -> Batch:
        """The same items under as few resources, scopes and metrics as possible."""

    def keep(self, mask: SupportsBuffer) -> Batch: ...
    def stale(self, time: int) -> Batch:
        """Every data point without its value, of that time in Unix nanoseconds."""

    def partition(self, codes: SupportsBuffer) -> list[tuple[int, Batch]]: ...
    def split(self, max_items: int = 0, max_bytes: int = 0) -> list[Batch]: ...
    def series_ids(self) -> bytes:
        """The `id` and the `check` of each data point's series, as pairs of native uint64."""

    def rows(self) -> list[dict[str, Any]]: ...
    def to_otlp(self) -> bytes: ...
    def to_json(self) -> bytes: ...

@final
class LogRules:
    """What is done with every file of a receiver of logs."""

    def __new__(cls, settings: str) -> LogRules:
        """`settings` are JSON. Raises `ValueError` for those that make no sense."""

    @staticmethod
    def knows(encoding: str) -> bool:
        """Whether text in an encoding of that name can be read."""

@final
class LogRecords:
    """Log records on their way into a batch."""

    def __new__(cls) -> LogRecords: ...
    def __len__(self) -> int: ...
    @property
    def nbytes(self) -> int:
        """About the bytes that they take."""

    def take(self) -> Batch | None:
        """What there is; what comes next is another batch."""

    def tally(self) -> tuple[list[tuple[int, int]], list[tuple[int, int, int, str]]]:
        """What operators did not pass on since this was asked last, by their numbers: how many
        entries they dropped on purpose; and of how many they could make nothing, where in its file
        the first of those is, and why."""

@final
class LogFile:
    """A file of logs that is read as it grows; in a compressed one, offsets are into what it holds.

    Opening and reading raise `OSError`.
    """

    def __new__(cls, rules: LogRules, gzip: bool) -> LogFile: ...
    @property
    def offset(self) -> int:
        """Where the next entry begins."""

    @property
    def number(self) -> int:
        """Entries before that."""

    @property
    def safe(self) -> tuple[int, int]:
        """Up to where all entries have become records, and how many those are."""

    @property
    def held(self) -> int:
        """Entries before `offset` that wait for others to be put together with."""

    @property
    def partial(self) -> int:
        """Bytes after that which are no entry yet."""

    @property
    def is_open(self) -> bool: ...
    def open(self, path: str) -> None: ...
    def close(self) -> None: ...
    def seek(self, offset: int, number: int) -> None:
        """Read on from there."""

    def seek_end(self) -> None:
        """Read on from the end of the open file."""

    def describe(self, attributes: str) -> None:
        """Say these, an object in JSON, of the file with each entry. Raises `ValueError`."""

    def identity(self) -> tuple[int, int, int, int]:
        """Device and number of the open file, its size and when it was modified, in Unix
        nanoseconds."""

    def beginning(self, size: int) -> bytes:
        """The first bytes of what the open file holds."""

    def read(self, records: LogRecords, limit: int, now: int, all: bool) -> int:  # noqa: A002
        """Read about `limit` bytes on, into `records`; gives how many. With `all`, what is at the
        end of the file is an entry although nothing ends it. `now` is in Unix nanoseconds."""

    def finish(self, records: LogRecords) -> None:
        """Put together what waits for others, which may never come."""

@final
class Keys:
    """By what the items of a batch are told apart: the values of columns, as attributes."""

    def __new__(
        cls,
        items: int,
        columns: Sequence[tuple[str, SupportsBuffer, list[Any]]],
        resource: tuple[SupportsBuffer, list[Any]] | None,
    ) -> Keys:
        """A column is a name, a code for each item, as native uint32, and values; of the resource
        they are dicts. Raises `ValueError` or `TypeError` for what does not fit."""

    def __len__(self) -> int: ...
    def codes(self) -> bytes:
        """The number of each item's key, as native uint32."""

    def hashes(self) -> bytes:
        """A hash of each item's key that is the same in every process, as native uint64."""

_Changes: TypeAlias = list[tuple[bytes, bytes | None]]

@final
class Panes:
    """What is added up by key and pane of time."""

    def __new__(cls, shape: str, limit: int, exemplars: int, tracked: bool) -> Panes:
        """`shape` is JSON. Raises `ValueError` for one that makes no sense."""

    def add(
        self,
        keys: Keys,
        *,
        now: int,
        pane: int,
        wanted: SupportsBuffer | None,
        panes: SupportsBuffer | None,
        values: SupportsBuffer | None,
        classes: SupportsBuffer | None,
        times: SupportsBuffer | None,
        hashes: SupportsBuffer | None,
        weights: SupportsBuffer | None,
        exemplars: Batch | None,
    ) -> tuple[int, int]:
        """How many items went to the overflow key, and how many could not be used. Raises
        `ValueError` for columns that lack or do not fit."""

    def merged(self, first: int, last: int) -> Result:
        """What the panes of each key came to that start from `first` on and before `last`."""

    def write(
        self,
        metric: Any,
        value: str | int,
        *,
        time: int,
        start_time: int | None,
        first: int,
        last: int,
        attributes: Sequence[tuple[str, Any]],
    ) -> Batch | None:
        """A metric with a point for each key. Raises `ValueError` for an unknown figure."""

    def starts(self) -> list[int]: ...
    def drop(self, before: int) -> int:
        """Forget the panes that start before; how many keys went."""

    def expire(self, idle_since: int) -> int:
        """Forget the keys that nothing was added to since; how many."""

    def expire_resources(self, idle_since: int) -> int:
        """Forget the keys of resources to which nothing was added since; how many."""

    def changes(self) -> _Changes: ...
    def restore(self, records: Sequence[tuple[bytes, bytes]]) -> int:
        """Take saved records back; how many were damaged, or of another shape."""

    def size(self) -> tuple[int, int]:
        """How many keys there are, and the bytes that they take."""

@final
class Result:
    """What was merged, a row for each key."""

    def __len__(self) -> int: ...
    def labels(self) -> list[dict[str, Any]]: ...
    def resources(self) -> list[dict[str, Any]]: ...
    def ids(self) -> bytes:
        """The `id` and the `check` of each key, as pairs of native uint64."""

    def counts(self) -> tuple[bytes, int]:
        """How many there were of each class or in each bucket, as native uint64, key after key, and
        how many of those a key has. Raises `ValueError` where it has none."""

    def figures(self, name: str, share: float | None = None) -> bytes:
        """A number of each key, as native float64. Raises `ValueError` where there is none."""

    def gauges(
        self,
        metric: Any,
        values: SupportsBuffer,
        *,
        time: int,
        start_time: int,
        integers: bool,
        attributes: Sequence[tuple[str, Any]],
    ) -> Batch | None:
        """Gauges with these values, native float64, those aside that are no number."""

@final
class Pairs:
    """Beginnings and ends that wait for their other half."""

    def __new__(cls, limit: int, timeout: int, tracked: bool) -> Pairs:
        """`timeout` is in nanoseconds."""

    def match(
        self, hashes: SupportsBuffer, roles: SupportsBuffer, times: SupportsBuffer
    ) -> tuple[bytes, bytes, int, int]:
        """Positions as native uint32, seconds as native float64, and how many pairs took too long
        and events found no room."""

    def expire(self, now: int) -> int:
        """Forget what waits for longer than the timeout; how many."""

    def changes(self) -> _Changes: ...
    def restore(self, records: Sequence[tuple[bytes, bytes]]) -> int:
        """Take saved records back; how many were damaged, or too many."""

    def size(self) -> tuple[int, int]:
        """How many keys wait, and the bytes that they take."""

@final
class Pattern:
    """A regular expression in RE2's syntax, which takes time linear in the text.

    Raises `ValueError` for one that has look-around, back-references, or is too large.
    """

    def __new__(cls, pattern: str) -> Pattern: ...
    @property
    def pattern(self) -> str: ...
    @property
    def names(self) -> list[str]:
        """The names of the groups that have one, in order."""

    def found(self, texts: list[str]) -> list[bool]:
        """Whether the pattern is found in each text."""

    def replaced(self, texts: list[str], template: str) -> list[str]:
        """Each text with every match replaced; `$1` and `${name}` in `template` are groups."""

    def groups(self, texts: list[str]) -> list[dict[str, str | None] | None]:
        """The groups of the first match in each text, by name or number; 0 is all of it."""

    def spans(self, texts: list[str]) -> list[list[tuple[int, int]]]:
        """Where every match in each text begins and ends, in characters."""

    def places(self, texts: list[str]) -> list[list[tuple[int, int] | None] | None]:
        """Where the groups of the first match in each text begin and end, in characters; 0 is all
        of it. A group that took no part has no place."""

_Answer: TypeAlias = tuple[Batch | None, list[int]]
"""A batch, if anything is left, and how many points were late, found no room, were unusable, began
anew, and were of sources that may have been forgotten."""

@final
class Admission:
    """The series that are let in, by budgets."""

    def __init__(self, limit: int) -> None: ...
    def add_budget(self, limit: int, last: int) -> int:
        """One more budget, and its number: for `limit` series, `last` of them in its last
        places, for which one has to ask."""

    def admit(
        self,
        ids: SupportsBuffer,
        budgets: Sequence[SupportsBuffer],
        last: bool,
        room: int,
        now: int,
    ) -> bytes:
        """For each point 0 if its series was in, 1 if it was let in, 2 if it came too fast, or 3
        and the position of the budget without room; `budgets` are uint32, at most four."""

    def expire(self, oldest: int) -> None:
        """Let the series go that were last seen before `oldest`."""

    def used(self) -> list[int]:
        """How many series each budget has in it."""

    def size(self) -> tuple[int, int]:
        """How many series are in, and the bytes that they take."""

@final
class Sketches:
    """About how many values the labels of metrics have had; for at most `limit` labels."""

    def __init__(self, limit: int) -> None: ...
    def note(self, batch: Batch, wanted: SupportsBuffer) -> None:
        """Note the labels of those points."""

    def estimates(self, metric: str | None = None) -> list[tuple[str, str, int]]:
        """Metric, label and about how many values it has had, for each, or each of one metric."""

@final
class Totals:
    """Deltas added up: cumulative points."""

    def __init__(self, limit: int) -> None: ...
    def apply(self, batch: Batch, wanted: SupportsBuffer, now: int) -> _Answer: ...
    def expire(self, oldest: int) -> None:
        """Forget the series last seen before `oldest`."""

    def size(self) -> tuple[int, int]:
        """How many series there are, and the bytes that they take."""

@final
class Differences:
    """Totals taken apart: delta points."""

    def __init__(self, limit: int) -> None: ...
    def apply(self, batch: Batch, wanted: SupportsBuffer, since: int, now: int) -> _Answer:
        """The first point of a series stays if it says that it began at `since` or later."""

    def expire(self, oldest: int) -> None:
        """Forget the series last seen before `oldest`."""

    def size(self) -> tuple[int, int]:
        """How many series there are, and the bytes that they take."""

@final
class Fold:
    """Several series folded into one, so that the totals stay right."""

    def __init__(self, limit: int, gauge: str) -> None: ...
    def apply(
        self, batch: Batch, sources: SupportsBuffer, wanted: SupportsBuffer, now: int
    ) -> _Answer:
        """`sources` has two uint64 for each point, as `Batch.series_ids` gives them."""

    def counts(self, sources: SupportsBuffer) -> bytes:
        """For each source whether it is counted in a total, as bytes of 0 and 1."""

    def expire(self, oldest: int) -> None:
        """Forget what was last seen before `oldest`."""

    def size(self) -> tuple[int, int]:
        """How many sources there are, and the bytes that they take."""

_Texts: TypeAlias = tuple[bytes, list[str | None]]
_Calls: TypeAlias = tuple[list[_Texts], list[bytes], list[bytes], list[int]]

@final
class Edges:
    """Calls between services, from the spans of their two sides, whichever comes first.

    `add` and `expire` answer with calls in columns: texts (the client's name, the server's, and
    of each dimension the client's and the server's value) as `uint32` codes and distinct values;
    as `uint8` what connects (0 a request, 1 a message, 2 a database, 3 a virtual node), the side
    that is missing (0 none, 1 the client, 2 the server) and whether it failed; as `float64` the
    seconds of the client and of the server; and how many calls were new and expired, and how many
    spans found no room and had ids that say nothing.
    """

    def __init__(
        self,
        *,
        dimensions: Sequence[str],
        databases: Sequence[str],
        peers: Sequence[str],
        limit: int,
        ttl: int,
        longest: int,
    ) -> None:
        """At most `limit` calls wait, each for `ttl` nanoseconds; `longest` bytes of each text are
        kept. Without `peers` there are no virtual nodes."""

    def add(self, batch: Batch, now: int) -> _Calls:
        """Take spans: the calls that this makes whole. `now` are nanoseconds of any clock."""

    def expire(self, now: int) -> _Calls:
        """Forget what has waited too long: the calls that are told of all the same."""

    def size(self) -> tuple[int, int]:
        """How many calls wait for their other side, and the bytes that they take."""

_Pairs: TypeAlias = list[tuple[str, str]]

@final
class WriteRequest:
    """A request of Prometheus remote write that was received."""

    @staticmethod
    def read(version: int, body: bytes, max_bytes: int, room: int) -> WriteRequest | None:
        """Of a compressed body; `None` for one that is over `max_bytes` without compression.

        Its series may have `room` bytes of labels, counted wherever they are referred to. Raises
        `MalformedPayload` for what is no request.
        """

    @property
    def targets(self) -> list[tuple[str, str, _Pairs | None]]:
        """Job, instance and the other labels of `target_info`, if that is there."""

    @property
    def metrics(self) -> list[tuple[str, int, str, str]]:
        """Name, number of the type, help and unit of each metric that has series."""

    @property
    def metadata(self) -> list[tuple[str, int, str, str]]:
        """The same, as version 1 says it apart from series."""

    @property
    def faults(self) -> tuple[int, str]:
        """Series that break the protocol, and what is wrong with the first."""

    def batch(
        self,
        resources: list[_Pairs],
        metrics: list[tuple[str, str, str, str, bool]],
        limit: int,
    ) -> tuple[Batch | None, tuple[int, int, int, int, int]]:
        """Its points, `None` for none, and how many samples, histograms and exemplars they are, how
        many gauge histograms were left out, and how much that contradicts itself.

        `resources` are attributes for each target; `metrics` a name, a description, a unit, a type
        in Prometheus and whether it is a counter for each metric. Raises `OverflowError` for points
        of more than `limit` bytes.
        """

@final
class RemoteWrite:
    """Data points that are to be sent by Prometheus remote write."""

    def __new__(cls, batch: Batch) -> RemoteWrite: ...
    @property
    def metrics(self) -> list[tuple[str, str, str, str, int, bool, str, int]]:
        """Name, unit, description, the field of the data, temporality, whether monotonic, type in
        Prometheus and number of points of each metric."""

    @property
    def sources(self) -> list[tuple[_Pairs, tuple[str, str], _Pairs, int]]:
        """Attributes of the resource, name and version of the scope, its attributes, and the time
        of the last point of each source."""

    def write(
        self,
        version: int,
        families: Sequence[tuple[str, int, str, str] | None],
        origins: Sequence[tuple[list[tuple[str, str, str]], _Pairs]],
        names: Mapping[str, str],
        *,
        external: _Pairs,
        infos: Sequence[tuple[_Pairs, int]],
        metadata: bool,
        max_bytes: int,
        shards: int,
    ) -> tuple[list[tuple[int, bytes, int, int, int, int]], bytes, int]:
        """Requests: sequence, body, and numbers of points, samples, histograms and exemplars; by
        point, as native uint32, the place of its request; how many of the first hold the `infos`.

        `families` are a name, the number of a type, a help and a unit for each metric; points of
        those without have the place 0xFFFFFFFF, those that contradict themselves 0xFFFFFFFE.
        `origins` are, for each source, attributes that become labels (key, label, value), and
        labels that supersede others; `names` the labels of attributes by their keys.
        """

@final
class Group:
    """Requests that arrived together, as one batch that one verdict answers. Answer it once."""

    @property
    def batch(self) -> Batch: ...
    @property
    def transports(self) -> dict[str, tuple[int, int]]:
        """Items and requests by transport, `grpc` and `http`."""

    def peers(self) -> list[tuple[str | None, int]]:
        """Who sent the items, in their order: how many in a row are from the same address. Over a
        unix socket there is none."""

    @property
    def answered(self) -> bool:
        """Whether the senders have been told that it is taken; see `Intake.grant`."""

    def accept(self) -> None: ...
    def refuse(self, message: str, retry_after: float) -> None: ...
    def reject(self, message: str) -> None: ...

@final
class Claim:
    """Credentials that wait for a ruling; without one, who sent them is asked to try again."""

    @property
    def headers(self) -> dict[str, list[str]]:
        """By lower-case name, every value in its order; bytes are characters."""

    def accept(self) -> None: ...
    def refuse(self) -> None: ...
    def defer(self) -> None: ...

@final
class Gate:
    """Lets in requests whose credentials are accepted, and asks about those it does not know."""

    def __init__(
        self, *, headers: AbstractSet[str], challenge: str, trust: float | None = None
    ) -> None:
        """`headers` hold credentials; `challenge` tells who is refused how to ask. What is accepted
        is remembered for `trust` seconds; without it, until `forget`."""

    def fileno(self) -> int:
        """Readable when `take` has something."""

    def take(self) -> list[Claim]:
        """The credentials that wait for a ruling."""

    def forget(self) -> None:
        """Make every ruling void, those under way included."""

@final
class Tls:
    """TLS of an address: what may be negotiated, and certificates that can be renewed. All are PEM;
    with client authorities, clients have to show a certificate."""

    def __init__(
        self,
        certificate: bytes,
        key: bytes,
        client_authorities: bytes | None = None,
        *,
        system_authorities: bool = False,
        min_version: str = "1.2",
        max_version: str = "1.3",
        cipher_suites: Sequence[str] = (),
        curves: Sequence[str] = (),
    ) -> None:
        """Raises ValueError for what cannot be used; its text begins with what that is."""

    def renew(
        self, certificate: bytes, key: bytes, client_authorities: bytes | None = None
    ) -> None:
        """Have connections made from now on use these. Raises ValueError; then nothing changes."""

@final
class Cors:
    """Which pages of other origins may post; one `*` in an origin stands for anything."""

    def __init__(
        self,
        *,
        origins: Sequence[str],
        headers: Sequence[str],
        exposed: Sequence[str] = (),
        max_age: int = 0,
    ) -> None:
        """`headers` may be sent, `*` for any, and `exposed` read; `max_age` is in seconds. Raises
        ValueError for what is no name of a header."""

@final
class Terms:
    """What an address offers to its clients and asks of them. Times are seconds, 0 for no limit."""

    def __init__(
        self,
        *,
        tls: Tls | None = None,
        cors: Cors | None = None,
        header_timeout: float = 60.0,
        read_timeout: float = 60.0,
        write_timeout: float = 30.0,
        idle_timeout: float = 0.0,
        max_connection_age: float = 0.0,
        max_connection_age_grace: float = 0.0,
        ping_interval: float = 7200.0,
        ping_timeout: float = 20.0,
        min_ping_interval: float = 300.0,
        ping_without_stream: bool = False,
        max_concurrent_streams: int = 100,
        keep_alive: bool = True,
    ) -> None: ...

@final
class Intake:
    """An OTLP server on a thread of its own: gRPC and HTTP on every address it listens on."""

    def __init__(
        self,
        *,
        routes: Mapping[str, str],
        max_grpc_bytes: int,
        max_http_bytes: int,
        max_waiting_bytes: int,
    ) -> None:
        """`routes` leads from HTTP paths and gRPC method names to signals."""

    def listen(
        self,
        host: str,
        port: int,
        gate: Gate | None = None,
        terms: Terms | None = None,
        *,
        family: int = 0,
    ) -> int:
        """Listen there and return the port; 0 takes a free one. With a gate, only requests that it
        lets in are read. `family` is the version of IP, 0 for both. Raises OSError."""

    def listen_unix(
        self,
        path: str,
        gate: Gate | None = None,
        terms: Terms | None = None,
        *,
        permissions: int = 0o600,
    ) -> None:
        """Listen on a unix socket, which is removed at the stop. Raises OSError."""

    def start(self) -> None: ...
    def fileno(self) -> int:
        """Readable when `take` has something."""

    def grant(self, credit: int) -> None:
        """Answer up to that many bytes of requests, with their indexes, before they are taken; 0,
        as at first, answers none."""

    def warn(self, signal: str, message: str, seconds: float) -> None:
        """Say `message`, up to 1 KiB, with every success that senders of `signal` are answered with
        for so many seconds, in place of what was said before. Nothing counts as rejected: by OTLP
        this is a warning. Raises ValueError for a signal that there is not."""

    def take(self) -> list[Group]:
        """Everything that has arrived: at most two groups per signal, one of them answered."""

    def stats(self) -> dict[str, int]:
        """Counters of what the server refused by itself, by reason."""

    def endings(self) -> dict[str, int]:
        """Counters of the connections that the server ended by itself, by reason."""

    def stop(self, grace: float) -> None:
        """Stop listening and taking requests; returns when the open ones are answered or `grace`
        seconds have passed."""

@final
class Statsd:
    """Sockets that StatsD comes to, read by threads, and what came since it was last taken."""

    def __new__(cls, settings: Any) -> Statsd:
        """`settings` has attributes: `metric_type`, `simple_tags`, `timestamps`, `monotonic`,
        `counter_type`; `observers` of timers, histograms and distributions; `rules`; `max_series`,
        `windows_kept`; `metrics` and `logs`, whether somebody takes them; `version`."""

    def listen_udp(
        self, host: str, port: int, *, family: int, sockets: int, buffer: int
    ) -> int: ...
    def listen_unixgram(self, path: str, *, permissions: int, buffer: int) -> None: ...
    def listen_tcp(
        self, host: str, port: int, *, family: int, connections: int, idle: float
    ) -> int: ...
    def listen_unix(
        self, path: str, *, permissions: int, connections: int, idle: float
    ) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None:
        """Read what has come, and no more."""

    def is_full(self) -> bool:
        """Whether so much has come that it should be taken before its time."""

    def take(self, start: int, end: int) -> tuple[Batch | None, Batch | None]:
        """What has come since the last time, as metrics and as logs. Times are Unix nanoseconds."""

    def stats(self) -> dict[str, int]: ...
    def faults(self) -> dict[str, int]:
        """Lines that were dropped since the start, by reason."""

    def examples(self) -> list[tuple[str, str]]:
        """A line of each reason for which some were dropped since this was asked for."""

@final
class Samples:
    """The samples of one exposition. Labels are as in Prometheus: the name is `__name__`, and an
    empty value stands for none."""

    @staticmethod
    def parse(
        body: SupportsBuffer,
        format: str,  # noqa: A002  (the kernel's name)
        *,
        max_samples: int,
        native: bool = False,
        classic: bool = True,
    ) -> Samples:
        """Read an exposition in a format: `text`, `openmetrics` or `protobuf`. `native` asks for
        native histograms, `classic` for the classic buckets of those too.

        Raises `MalformedPayload`, which names the line.
        """

    def __len__(self) -> int: ...
    def labels(self) -> list[str]:
        """The names of all labels, in order of first appearance."""

    def column(self, label: str) -> tuple[bytes, list[str]]:
        """A code for each sample, as native uint32, and what it has under a label by code."""

    def values(self) -> bytes:
        """The value of each sample, as native float64; how many there were, for a native
        histogram."""

    def set(self, label: str, codes: SupportsBuffer, values: list[str]) -> None:
        """Give each sample what it is to have under a label."""

    def keep(self, mask: SupportsBuffer) -> None:
        """Keep the samples where the mask is true."""

    def attach(self, labels: list[tuple[str, str]], honor: bool) -> None:
        """Give every sample the labels of its target. With `honor`, what it has under the same name
        is left; else that is moved to the name with `exported_` in front."""

    def forget_times(self) -> None:
        """Forget what samples say of the time."""

    def extremes(self) -> tuple[int, int, int]:
        """The most labels that a sample has, and the lengths in bytes of the longest name and
        value."""

    def series(self, name: str) -> list[dict[str, str]]:
        """The labels of the samples of a name, of which there should be few."""

    def to_otlp(
        self,
        *,
        owners: SupportsBuffer,
        parents: Sequence[tuple[dict[str, Any], str, str, str, dict[str, Any]]],
        without: Sequence[str],
        now: int,
        units: Mapping[str, str],
    ) -> tuple[Batch | None, dict[str, int]]:
        """The data points that the samples make, `None` if there are none, and how many samples
        came to nothing by reason.

        `owners` has, as native uint32, the place of each sample's parent: a resource's attributes,
        and a scope's name, version, schema and attributes. Labels in `without` are no attributes,
        `now` is the time in Unix nanoseconds of samples that have none, and `units` are those of
        OTLP by Prometheus' words.
        """

_Faults: TypeAlias = list[tuple[int, str]]
"""Of the first pieces that were not taken, where they are and what is wrong with them."""

def decompressed(encoding: str, body: bytes, limit: int) -> bytes | None:
    """A body without its compression: `gzip`, `deflate`, `zstd`, `snappy` or `identity`. `None` for
    one of more than `limit` bytes. Raises `ValueError` for what is not of that encoding."""

def read_items(
    sort: Literal["metrics", "logs", "events"],
    body: bytes,
    *,
    lines: bool,
    now: int,
    scope: tuple[str, str],
) -> tuple[Batch | None, int, _Faults]:
    """Items of JSON as a batch, `None` for none; how many make no sense, and the faults of those by
    their positions. With `lines`, an item a line; else all of it has to be JSON.

    `now` is in Unix nanoseconds, and `scope` a name and a version. Raises `MalformedPayload`.
    """

def read_lines(
    body: bytes,
    *,
    precision: int,
    now: int,
    resource: Sequence[str],
    scope: tuple[str, str],
    room: int,
) -> tuple[Batch | None, int, _Faults, int]:
    """The lines of Influx as a batch, `None` for none; how many make no sense, the faults of those
    by their numbers, and how many fields were texts.

    Times are in units of `precision` nanoseconds, tags that begin as one of `resource` are
    attributes there. Raises `OverflowError` for points that take more than `room` bytes.
    """

def read_webhook(
    body: bytes,
    *,
    json: bool,
    attributes: list[tuple[str, str]],
    now: int,
    scope: tuple[str, str],
) -> Batch:
    """One log record with that body, structured if it is JSON. Raises `MalformedPayload`."""

def bulk_bodies(
    batch: Batch,
    routes: Sequence[tuple[str, bytes, tuple[str, str, str] | None]],
    items: SupportsBuffer,
    events: SupportsBuffer,
    begin: tuple[int, int],
    *,
    ids: bool,
    pipelines: bool,
    templates: bool,
    max_bytes: int,
    max_documents: int,
    max_total: int,
    level: int | None,
) -> tuple[list[tuple[bytes, int, bytes, bytes]], bytes, tuple[int, int] | None]:
    """What a batch becomes for Elasticsearch's bulk API: for each request its bytes, how many
    documents it has, and as native `uint32` pairs of an item and the place of a document of it;
    the items that have no document; and where to `begin` for the rest, if there is more than
    `max_total` bytes. The first begins at `(0, 0)`. Each item is in one of these parts.

    A route is a mapping mode, the beginning of an action up to the name of the index, and type,
    dataset and namespace of a data stream; `items` and `events` hold the route of each item and
    of each span event. Bodies are compressed by gzip where there is a `level`.
    """

def bulk_outcomes(answer: bytes) -> tuple[bytes, list[tuple[int, str, str]]] | None:
    """What an answer of the bulk API says: the status of each document as native `uint16`, and of
    some that failed status, type and reason. `None` for what is no such answer."""

def fnv1a_32(texts: list[bytes], seed: int) -> bytes:
    """The 32-bit FNV-1a hash of a seed and each text, as native uint32."""

def value_hashes(values: list[Any]) -> bytes:
    """A hash of each value that is the same in every process, as native uint64."""

def xxh64(text: bytes) -> int:
    """The 64-bit hash of xxHash."""

def jaeger_messages(batch: Batch, encoding: str) -> list[tuple[bytes, bytes]]:
    """A message of Jaeger for each span, as `jaeger_proto` or `jaeger_json`: key and value."""

def zipkin_message(batch: Batch, encoding: str) -> tuple[bytes, list[int]]:
    """A list of spans of Zipkin, as `zipkin_proto` or `zipkin_json`; and the places of those that
    are not in it, since they have no ids."""

def read_spans(messages: list[bytes], encoding: str) -> tuple[Batch | None, list[tuple[int, str]]]:
    """The spans of messages, as `jaeger_proto`, `jaeger_json`, `zipkin_proto` or `zipkin_json`; and
    by their positions the messages that cannot be read, and why."""

def log_bodies(batch: Batch) -> list[bytes | None]:
    """The body of each log record: bytes as they are, all else as JSON; none where it has none."""

def log_records(
    messages: list[bytes], encoding: str, observed: int
) -> tuple[Batch | None, list[tuple[int, str]]]:
    """A log record for each message, whose body it is as `text`, `raw` bytes or `json`; and by
    their positions those that are no JSON, and why. Times are in Unix nanoseconds."""

def give_back_freed_memory() -> None:
    """Give what this process has freed back to the system now."""

def hold_at_most(size: int) -> None:
    """Let each server hold so many bytes of requests at most, if its own bound is not less."""

def keep_freed_memory() -> None:
    """Let the allocators of this process keep freed blocks for a while: batches come and go."""

@final
class Exposition:
    """The newest point of every series, as scrapes of Prometheus show them."""

    def __new__(cls, target: str, help: str, limit: int) -> Exposition:  # noqa: A002
        """`target` is the metric that tells where others come from, which Penstock makes itself."""

    def update(
        self, batch: Batch, tick: int, wall: int
    ) -> tuple[Sequence[int], Sequence[tuple[int, str]]] | Unknown:
        """Take a batch, at seconds of a clock that never jumps and Unix nanoseconds: how many were
        dropped by fault, and metrics that they were of. Or say what has to be named first."""

    def name(
        self,
        unknown: Unknown,
        tick: int,
        metrics: Sequence[tuple[str, str, str, str, bool] | tuple[str, str]],
        origins: Sequence[tuple[Sequence[tuple[str, str]], Sequence[tuple[str, str]] | None]],
        names: Sequence[str],
    ) -> None:
        """Give names to what is unknown: families or faults, labels with those of the target, and
        names of labels."""

    def expire(self, oldest: int) -> bool:
        """Let some series go that were last updated before; whether there are more to look at."""

    def counts(self) -> tuple[int, int]:
        """How many series there are, and how many of them are shown."""

    def scrape(self, format: str, escaping: str, timestamps: bool, gzip: bool) -> Scrape:  # noqa: A002
        """What is exposed now, as `text`, `openmetrics` or `protobuf`."""

@final
class Scrape:
    """An answer to a scrape, as it was at one instant."""

    def more(self, size: int) -> bytes:
        """About so many bytes more; none at the end."""

@final
class Unknown:
    """What a batch has that has no names yet."""

    @property
    def metrics(self) -> list[tuple[list[str], int, bool]]: ...
    @property
    def origins(
        self,
    ) -> list[tuple[list[tuple[str, str]], list[str], list[tuple[str, str]]]]: ...
    @property
    def labels(self) -> list[str]: ...

def as_gauges(batch: Batch, wanted: SupportsBuffer) -> Batch:
    """Make gauges of the sums that have a point where `wanted`, bytes, is 1."""

def combine_points(
    batch: Batch,
    wanted: SupportsBuffer,
    how: Literal["sum", "mean", "min", "max", "median", "count"],
) -> tuple[Batch, bytes]:
    """Make one of points of one series and time; which of all points there are still, as bytes."""

def scale_points(batch: Batch, wanted: SupportsBuffer, factor: float) -> Batch:
    """Multiply the values of points by a positive factor."""

def set_point_values(batch: Batch, wanted: SupportsBuffer, values: SupportsBuffer) -> Batch:
    """Give points of numbers other values: native float64."""

def toggle_points(batch: Batch, wanted: SupportsBuffer) -> Batch:
    """Make doubles of integers, and integers of doubles."""
