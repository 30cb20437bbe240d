"""What a running service says of its series: the reports of `cardinality_limit`."""

from __future__ import annotations

import json
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any

from penstock.cli.output import print_json, print_rows

_TABLES = {
    "budgets": ("Rule", "Of", "Series", "Limit"),
    "metrics": ("Metric", "Series"),
    "labels": ("Metric", "Label", "Values, about"),
    "limited": ("Metric", "Rule", "Points"),
}
_KEYS = {
    "budgets": ("rule", "of", "series", "limit"),
    "metrics": ("metric", "series"),
    "labels": ("metric", "label", "values"),
    "limited": ("metric", "rule", "points"),
}
_PATIENCE = 10.0
_MOST = 16 << 20


def fetch(address: str) -> dict[str, Any]:
    """The reports, by component, of the service whose page of own metrics is at `address`.

    Raises `OSError` where there is none, or no `cardinality_limit` in it.
    """
    try:
        status, body = _get(address, "/cardinality")
    except (OSError, HTTPException) as error:
        msg = f"cannot read {address}: {error}; is a service running there?"
        raise OSError(msg) from None
    if status == HTTPStatus.NOT_FOUND:
        msg = f"the service at {address} has no `cardinality_limit`"
        raise OSError(msg)
    try:
        reports: dict[str, Any] = json.loads(body)
    except ValueError:
        msg = f"what {address} answers with status {status} is no report"
        raise OSError(msg) from None
    return reports


def _get(address: str, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection(address, timeout=_PATIENCE)
    with closing(connection):
        connection.request("GET", path)
        with connection.getresponse() as answer:
            return answer.status, answer.read(_MOST)


def show(reports: dict[str, Any], *, as_json: bool) -> None:
    """Print the reports."""
    if as_json:
        print_json(reports)
        return
    for component, report in reports.items():
        dry = ", which only looks on" if report["dry_run"] else ""
        title = f"{component}{dry}: {report['series']} series"
        for table, head in _TABLES.items():
            rows = [[str(row[key]) for key in _KEYS[table]] for row in report[table]]
            print_rows(head, rows, f"{title}, {table}")
