"""Prometheus' exposition formats, and which of them a scrape asks for."""

from __future__ import annotations

from typing import Literal, NamedTuple

ESCAPING = "underscores"
"""What becomes of names that only Prometheus 3 takes, for who does not say that it takes them."""

_ESCAPINGS = {"allow-utf-8", "underscores", "dots", "values"}
_PROTOBUF = "io.prometheus.client.MetricFamily"


class Format(NamedTuple):
    """How a scrape is answered."""

    name: Literal["text", "openmetrics", "protobuf"]
    content_type: str
    escaping: str = ESCAPING


class _Wish(NamedTuple):
    """A part of an `Accept` header."""

    media_type: str
    parameters: dict[str, str]
    quality: float


def negotiated(accept: str, *, open_metrics: bool) -> Format:
    """The format that the header `Accept` prefers of those that there are; text if none.

    As in Prometheus' own libraries, whoever takes names of any script in a format that it prefers
    takes them in the others too.
    """
    escaping = ESCAPING
    for wish in _wishes(accept):
        found = wish.parameters.get("escaping", "")
        escaping = found if found in _ESCAPINGS else escaping
        if format_ := _format(wish, open_metrics=open_metrics):
            break
    else:
        format_ = _text()
    content_type = f"{format_.content_type}; escaping={escaping}"
    return Format(format_.name, content_type, escaping)


def takes_gzip(accept_encoding: str) -> bool:
    """Whether the header `Accept-Encoding` has gzip in it."""
    codings = {wish.media_type: wish.quality for wish in _wishes(accept_encoding)}
    return codings.get("gzip", 0.0) > 0


def _format(wish: _Wish, *, open_metrics: bool) -> Format | None:
    kind, parameters = wish.media_type, wish.parameters
    version = parameters.get("version", "")
    if kind == "application/vnd.google.protobuf" and parameters.get("proto") == _PROTOBUF:
        if parameters.get("encoding") == "delimited":
            return Format("protobuf", f"{kind}; proto={_PROTOBUF}; encoding=delimited")
    elif kind == "application/openmetrics-text" and open_metrics:
        if version in {"", "0.0.1", "1.0.0"}:
            version = version or "0.0.1"
            return Format("openmetrics", f"{kind}; version={version}; charset=utf-8")
    elif kind == "text/plain" and version in {"", "0.0.4", "1.0.0"}:
        return _text(version or "0.0.4")
    return None


def _text(version: str = "0.0.4") -> Format:
    """Versions differ only in that readers of 1.0.0 know names of any script."""
    return Format("text", f"text/plain; version={version}; charset=utf-8")


def _wishes(header: str) -> list[_Wish]:
    """The parts of a header, those that are preferred first, without those that are refused."""
    wishes = [_wish(part) for part in header.split(",")]
    return sorted(
        (wish for wish in wishes if wish.quality > 0), key=lambda wish: wish.quality, reverse=True
    )


def _wish(part: str) -> _Wish:
    kind, *rest = (piece.strip() for piece in part.split(";"))
    pairs = (piece.partition("=") for piece in rest)
    parameters = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
    try:
        quality = float(parameters.pop("q", "1"))
    except ValueError:
        quality = 0.0
    return _Wish(kind.lower(), parameters, quality)
