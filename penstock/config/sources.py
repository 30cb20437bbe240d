"""Where settings come from: files, folders, text and variables named on the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from penstock.config.problems import Fault, Place
from penstock.logs import printable
from penstock.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

MAX_BYTES = 4 << 20
"""Size of a source. The largest Collector files that people publish are under 1 MiB."""

_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<rest>.*)", re.DOTALL)
_HEAD = re.compile(r"\s*(?P<path>[\w/:.-]{1,100}?):(?=\s|$)")
_FETCHED = ("http", "https", "s3", "vault", "secretsmanager", "aesprovider", "opamp")
_SUFFIXES = {".yaml", ".yml"}


class Source(NamedTuple):
    """One text of settings; `name` stands for it in reports.

    `path` is where the text belongs: the root but for `--set`.
    """

    name: str
    text: str
    path: tuple[str | int, ...] = ()


def sources_at(location: str | Traversable, environ: Mapping[str, str]) -> Iterator[Source]:
    """What a `--config` names: one source, or one for each file of a folder.

    Raises `ConfigError` for what cannot be read.
    """
    match = _SCHEME.fullmatch(location) if isinstance(location, str) else None
    if not match or _is_there(Path(match[0])):
        yield from _files(Path(location) if isinstance(location, str) else location)
    elif match["scheme"] == "file":
        yield from _files(Path(match["rest"]))
    elif match["scheme"] == "yaml":
        head = _HEAD.match(match["rest"])
        yield Source(f"yaml:{head['path'] if head else '…'}", match["rest"])
    elif match["scheme"] == "env":
        yield _variable(match["rest"], environ)
    else:
        _refuse_scheme(match["scheme"])


def source_set(text: str) -> Source:
    """What a `--set PATH=VALUE` says. Raises `ConfigError` for what is not of this form.

    The path's steps are parted by `.`, or where it has one by `::`, so that names may hold dots.
    The value is YAML. It is moved to its column in the argument, so that reports point at it.
    """
    path, equals, value = text.partition("=")
    steps = tuple(path.strip().split("::" if "::" in path else "."))
    if not equals or not all(steps):
        _stop(f"--set {path}", "expected PATH=VALUE, such as processors.batch.timeout=2s")
    return Source(f"--set {path.strip()}", " " * (len(path) + 1) + value, steps)


def read_file(file: Traversable) -> str:
    """The UTF-8 text of a file, a byte order mark left out.

    Raises `ValueError`, its message without the file's name, for what cannot be read.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        msg = f"cannot be read: {error.strerror}"
        raise ValueError(msg) from error
    except ValueError as error:
        msg = f"cannot be read: {error}"
        raise ValueError(msg) from error
    if len(content) > MAX_BYTES:
        msg = f"the file is over {MAX_BYTES >> 20} MiB, the limit of settings"
        raise ValueError(msg)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"not UTF-8 text: {error.reason} at byte {error.start}"
        raise ValueError(msg) from error


def _is_there(place: Traversable) -> bool:
    try:
        return place.is_file() or place.is_dir()
    except OSError:  # too long for a name
        return False


def _files(place: Traversable) -> Iterator[Source]:
    if not (_is_there(place) and place.is_dir()):
        yield _file(place)
        return
    files = sorted(
        (file for file in place.iterdir() if Path(file.name).suffix in _SUFFIXES),
        key=lambda file: file.name,
    )
    if not files:
        _stop(str(place), "no file in this folder ends in .yaml or .yml")
    yield from map(_file, files)


def _file(file: Traversable) -> Source:
    try:
        return Source(str(file), read_file(file))
    except ValueError as error:
        _stop(str(file), str(error))


def _variable(name: str, environ: Mapping[str, str]) -> Source:
    if name not in environ:
        _stop(f"env:{name}", "the variable is not set; set it to the settings' YAML text")
    return Source(f"env:{name}", environ[name])


def _refuse_scheme(scheme: str) -> NoReturn:
    if scheme in _FETCHED:
        message = "settings are not fetched; fetch them into a file and name that"
    else:
        message = "no such file, and no such source; expected a file, file:, yaml: or env:"
    _stop(f"{scheme}:", message)


def _stop(name: str, message: str) -> NoReturn:
    msg = f"{printable(name)}: {message}"
    raise ConfigError(msg, (Fault(Place(1, 1, name), (), message),))
