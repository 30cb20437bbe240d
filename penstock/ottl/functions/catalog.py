"""All converters by name, and what is not supported."""

from __future__ import annotations

from penstock.ottl.functions import formats, hashes, lists, parsing, strings, times, types
from penstock.ottl.grammar import LAMBDAS
from penstock.ottl.signature import Functions

CONVERTERS: Functions = (
    strings.CONVERTERS
    | types.CONVERTERS
    | hashes.CONVERTERS
    | times.CONVERTERS
    | parsing.CONVERTERS
    | formats.CONVERTERS
    | lists.CONVERTERS
)

_XML = "XML is not supported; a Python processor can read it"
_HASH = "use `SHA256` or `FNV`"
NOT_HERE = {
    **dict.fromkeys(
        ("All", "Any", "Filter", "Find", "MapEach", "MapKeys", "Reduce", "When"), LAMBDAS
    ),
    **dict.fromkeys(
        (
            "ConvertAttributesToElementsXML",
            "ConvertTextToElementsXML",
            "GetXML",
            "InsertXML",
            "ParseSimplifiedXML",
            "ParseXML",
            "RemoveXML",
        ),
        _XML,
    ),
    **dict.fromkeys(("Murmur3Hash", "Murmur3Hash128", "XXH3", "XXH128"), _HASH),
    "CommunityID": "a Python processor can make it",
    "ExtractGrokPatterns": "use `ExtractPatterns` with a regular expression",
    "ParseSeverity": "use one `set` with a condition for each severity",
    "ProfileID": "profiles are not carried; use `TraceID` or `SpanID` for ids of traces and spans",
    "UserAgent": "use `ExtractPatterns` with a regular expression",
    **dict.fromkeys(
        ("ParseCEF", "ParseCLF", "ParseELF", "ParseLEEF"),
        "use `ExtractPatterns`, or `ParseKeyValue` for the pairs",
    ),
}
"""Converters of the Collector's that are refused, and what to do instead."""
