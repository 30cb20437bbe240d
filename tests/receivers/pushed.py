"""What is pushed, good and bad: what parsers begin with when they are fuzzed."""

from __future__ import annotations

LINES = [
    b"cpu,host=a idle=98.5,user=1i,total=3u,up=t 1700000000\n",
    b'a\\,b\\ c\\=,k\\=1=\\v f\\ 1=1\r\n# about\n\nm s="a \\"b\\" \\\\\nc",f=F',
    b"temp gauge=87.332\nhits,temporality=delta counter=1027\nnet,service.name=a in=1,out=2\n",
    b'wait count=3,sum=4.5,0.5=1,1=2,+Inf=3,start_time="2023-11-14T22:13:20Z"\n',
    b"wait count=1,sum=2,1=5\nno_sum count=1\n",
    b"good f=1\nbad\nbad f\nbad f=x\nbad f=1 x\n,a=b f=1\nbad,a f=1\nbad,a=b,a=c f=1\n",
    b"a f=1 99999999999999999\na f=1 -1\na f=nan\na f=1e999\na f=-0i\n",
    b'\xff f=1\na,\xff=1 f=1\na s="no end\nb f=1',
    b"a " + b",".join(b"f%d=1" % number for number in range(200)),
    b"a" * 64_000 + b" f=1\n",
]
"""Bodies of Influx' lines."""

ITEMS = [
    b'{"name": "a", "value": 1}',
    b'[{"name": "h", "type": "histogram", "bounds": [1, 5], "counts": [2, 0, 1], "sum": 9}]',
    b'{"name": "s", "type": "summary", "count": 3, "quantiles": {"0.5": 2, "1": 7}}',
    b'{"name": "c", "type": "counter", "value": 1e400}{"name": "c", "value": 18446744073709551615}',
    b'{"name": "t", "value": 1, "time": "2023-11-14T22:13:20.5+01:00", "start": 1.5e9}',
    b'{"body": {"a": [1, null, true, "x"]}, "severity": "warn", "attributes": {"k": {}}}',
    b'{"body": "\\ud83d\\ude00", "severity": 24, "trace_id": "00112233445566778899aabbccddeeff"}',
    b'{"name": "deploy", "resource": {"service.name": "a"}}\n{"nme": 1}\n{broken\n[]\n',
    b'{"body": ' + b"[" * 29 + b"]" * 29 + b"}",
    b'{"attributes": {"a": 1, "a": 2}}',
    b'{"body": "\\ud800"}',
    b"[1, 2, {}, [{}], null]",
]
"""Bodies of items in JSON."""
