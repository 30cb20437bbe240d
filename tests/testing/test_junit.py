from __future__ import annotations

from xml.etree import ElementTree as ET

from penstock.testing.compare import Difference
from penstock.testing.judge import Verdict
from penstock.testing.junit import junit


def test_the_document_counts_tests_and_holds_differences_whatever_is_in_them() -> None:
    difference = Difference('a["<&>"]', '"\x00"', "\ud800")
    verdicts = [Verdict('it "holds"', 0.5, ()), Verdict("it fails", 0.25, (difference,))]
    root = ET.fromstring(junit({"a<b.yaml": verdicts}))

    (suite,) = root
    assert suite.attrib == {"name": "a<b.yaml", "tests": "2", "failures": "1"}
    passed, failed = suite
    assert passed.attrib == {"classname": "a<b.yaml", "name": 'it "holds"', "time": "0.500"}
    assert len(passed) == 0
    assert 'a["<&>"]: expected "\N{REPLACEMENT CHARACTER}"' in (failed[0].text or "")
