"""Bodies that are not what they should be, made of bytes: as a whole, and as one value in a body that is good."""

import gzip
import json

GOOD = b'{"type": "track", "event": "Seen", "anonymousId": "anna", "slots": ["hero"], "batch": []}'
DEEP = 100_000


def _nest(opened: str, closed: str, times: int, inside: str = "1") -> bytes:
    return (opened * times + inside + closed * times).encode()


# None of these is JSON: every door refuses them.
NO_JSON: dict[str, bytes] = {
    "nothing": b"",
    "white space": b" \r\n\t ",
    "an opened object": b"{",
    "an opened list": b"[",
    "a member without a value": b'{"type":',
    "a member without its colon": b'{"type" "track"}',
    "a comma too many": b'{"type": "track",}',
    "two documents": GOOD + GOOD,
    "something after the end": GOOD + b"]",
    "cut short": GOOD[:-3],
    "cut within a character": '{"event": "ü'.encode()[:-1],
    "cut within an escape": rb'{"event": "\u00',
    "half a word": b"tru",
    "a word of Python": b"{'type': 'track'}",
    "a comment": b"/* hello */" + GOOD,
    "names without quotes": b"{type: 'track'}",
    "control characters in a text": b'{"event": "a\x01b"}',
    "a line break in a text": b'{"event": "a\nb"}',
    "an unknown escape": rb'{"event": "\x41"}',
    "NUL before it": b"\x00" + GOOD,
    "NUL within it": GOOD[:5] + b"\x00" + GOOD[5:],
    "NUL after it": GOOD + b"\x00",
    "no UTF-8": b'{"event": "\xff\xfe"}',
    "too long UTF-8": b'{"event": "\xc0\x80"}',
    "a surrogate in UTF-8": b'{"event": "\xed\xa0\x80"}',
    "beyond Unicode": b'{"event": "\xf4\x90\x80\x80"}',
    "Latin-1": '{"event": "ü"}'.encode("latin-1"),
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 without a mark": GOOD.decode().encode("utf-16-be"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "a mark of its order alone": b"\xef\xbb\xbf",
    "two marks of its order": b"\xef\xbb\xbf\xef\xbb\xbf" + GOOD,
    "NaN": b'{"event": NaN}',
    "Infinity": b'{"event": Infinity}',
    "less than nothing": b'{"event": -Infinity}',
    "a number with a plus": b'{"event": +1}',
    "a number with a nought before it": b'{"event": 01}',
    "a number in hexadecimal": b'{"event": 0x1F}',
    "half a number": b'{"event": 1e}',
    "lists opened without end": b"[" * DEEP,
    "objects opened without end": b'{"a":' * 12_000,
    "a form": b"type=track&event=Seen",
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "MessagePack": b"\x81\xa4type\xa5track",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "gzip that is cut": gzip.compress(GOOD)[:-9],
    "gzip that is damaged": gzip.compress(GOOD)[:14] + b"\xff" * 40,
    "gzip of no JSON": gzip.compress(b"hello"),
    "a gzip bomb": gzip.compress(b'{"event": "' + b"a" * 30_000_000 + b'"}'),
    "a gzip bomb in a gzip": gzip.compress(gzip.compress(bytes(30_000_000))),
}

# These are JSON and no call: every door refuses them.
NO_CALL: dict[str, bytes] = {
    "null": b"null",
    "a flag": b"true",
    "a number": b"1",
    "a text": b'"track"',
    "a list": b"[]",
    "a list of lists": b"[[]]",
    "a list of calls": b"[" + GOOD + b"]",
    "lists in lists": _nest("[", "]", 5_000),
    "objects in objects": _nest('{"a":', "}", 5_000),
    "a number of many digits": b"9" * 20_000,
}

# Values, for a member of which a body that is good says something else. Whether one is taken is the door's to say.
VALUES: dict[str, str] = {
    "null": "null",
    "a flag": "true",
    "a number": "1",
    "a fraction": "1.5",
    "nought below nought": "-0",
    "a number of many digits": "9" * 4_000,
    "a number beyond all": "1e999",
    "a number next to nothing": "1e-999",
    "64 bits and one": "18446744073709551616",
    "a text": '"x"',
    "no text": '""',
    "a lone surrogate": r'"\ud800"',
    "surrogates the wrong way round": r'"\udc00\ud800"',
    "an escaped NUL": r'"a\u0000b"',
    "a text that turns round": r'"\u202e\u0007"',
    "a long text": json.dumps("a" * 20_000),
    "a list": "[]",
    "a list of everything": '[null, true, 1, "x", [], {}]',
    "many of nothing": "[" + "null," * 2_000 + "null]",
    "an object": "{}",
    "one name twice": '{"a": 1, "a": 2}',
    "a name that is none": r'{"\ud800": 1, "": 2, "__proto__": {"polluted": 1}}',
    "lists in lists": _nest("[", "]", 900).decode(),
    "objects in objects": _nest('{"a":', "}", 900).decode(),
}


def put_into(good: bytes, value: str) -> list[bytes]:
    """The body with the value in the place of each of its members in turn, and of the first of each of its lists."""
    said = json.loads(good)
    marker = "\ue000"
    found = []
    for name, inner in said.items():
        found.append(json.dumps({**said, name: marker}))
        if isinstance(inner, list) and inner:
            found.append(json.dumps({**said, name: [marker, *inner[1:]]}))
            if isinstance(inner[0], dict):
                found += [json.dumps({**said, name: [{**inner[0], each: marker}, *inner[1:]]}) for each in inner[0]]
        elif isinstance(inner, dict):
            found += [json.dumps({**said, name: {**inner, each: marker}}) for each in inner]
    return [each.replace(json.dumps(marker), value).encode() for each in found]
