"""Made-up requests: one disclosure in any of the ways in which programs may write it, and harmless ones."""

import csv
import gzip
import io
import json
import random
import re
import zlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape, quoteattr

NOTES = (
    "slept badly, self_harm_thoughts is what the app asked about, I said false",
    'my phone wrote {"self_harm_thoughts": true} into a note',
    "PHQ-9 item 9: 0, all fine", "I harmed my knee, 9 = nine", "suicide was in the news; not me",
    "🙂 müde, sonst gut",
    "\"quoted\" and 'single', 50 % better", "a\\b\nc\td", "",
)  # fmt: skip
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Sent:
    """A request's body and what its headers say of it."""

    body: bytes
    content_type: str = JSON
    content_encoding: str = ""
    path: str = "/v1/check-ins/019a48d1-5c4e-7b60-9f0a-2f6f1e0b7c11"
    # How it was made, for the message of a test that fails.
    made: str = ""


def disclosing(seed: int) -> Sent:
    """One disclosure, written in one of many ways."""
    dice = random.Random(seed)  # noqa: S311 - test data, the same for the same seed
    fields, made = dice.choice((_statement, _statement, _item, _implied))(dice)
    return _written(dice, fields, made)


def harmless(seed: int) -> Sent:
    """A request that discloses nothing, valid JSON without duplicate keys."""
    dice = random.Random(seed)  # noqa: S311 - test data, the same for the same seed
    document = _harmless(dice)
    separators = dice.choice(((",", ":"), (", ", ": ")))
    return Sent(
        json.dumps(document, separators=separators, ensure_ascii=dice.random() < 0.5).encode(), made="valid"
    )


def damaged(seed: int) -> Sent:
    """A harmless request that no schema accepts: cut off, misquoted, written twice, wrongly encoded or packed."""
    dice = random.Random(seed)  # noqa: S311 - test data, the same for the same seed
    document = _harmless(dice)
    text = json.dumps(document, ensure_ascii=dice.random() < 0.5)
    way = dice.choice(
        ("cut", "cut", "quote", "comma", "single", "twice", "latin", "wide", "form", "gzip", "byte")
    )
    body = text.encode()
    if way == "cut":
        body = body[: dice.randrange(1, len(body))]
    elif way == "quote":
        places = [at for at, letter in enumerate(text) if letter == '"']
        at = dice.choice(places)
        body = (text[:at] + text[at + 1 :]).encode()
    elif way == "comma":
        body = text.replace(",", "", 1).encode()
    elif way == "single":
        body = str(document).encode()
    elif way == "twice":
        body = (
            text[:-1].encode()
            + b', "mood": 3, "mood": 4, "self_harm_thoughts": false, "self_harm_thoughts": "no"}'
        )
    elif way == "latin":
        body = text.encode("latin-1", "replace") + b"\xff"
    elif way == "wide":
        body = text[:-1].encode(dice.choice(("utf-16", "utf-16-be", "utf-32")))
    elif way == "form":
        flat = {key: value for key, value in document.items() if not isinstance(value, list | dict)}
        return Sent(urlencode(flat).encode(), FORM, made=way)
    elif way == "gzip":
        return Sent(gzip.compress(body)[: dice.randrange(12, 60)], content_encoding="gzip", made=way)
    else:
        at = dice.randrange(len(body))
        body = body[:at] + bytes([dice.choice(b"{}[]:,\x00\xff")]) + body[at:]
    return Sent(body, made=way)


def _statement(dice: random.Random) -> tuple[list[tuple[str, Any]], str]:
    name = _spelled(dice, ("self", "harm", "thoughts"))
    value = dice.choice(
        (True, True, "true", "True", 1, "1", "yes", "YES", "sí", "si", "y", "on", "often", [True], 2.0)
    )
    return [(name, value)], f"{name}={value!r}"


_OWN_KEYS = {
    "phq-9": ("phq9_9", "PHQ-9.9", "phq_9_9", "PHQ9-09", "phq9.q9", "phq9Item9"),
    "qids-sr16": ("qids_12", "QIDS-SR16.12", "qids_sr16_12"),
    "madrs": ("madrs_10", "MADRS.10", "madrs10"),
}
_LABELS = (("id", "answer"), ("question", "value"), ("linkId", "score"), ("item", "response"))


def _item(dice: random.Random) -> tuple[list[tuple[str, Any]], str]:
    scale, number, count, low = dice.choice(
        (("phq-9", 9, 9, 1), ("qids-sr16", 12, 16, 1), ("madrs", 10, 10, 2))
    )
    score: Any = dice.choice((low, low + 1, str(low), float(low + 1), f" {low}", f"{low}.0"))
    named = dice.choice(
        (scale, scale.upper(), scale.replace("-", "_"), scale.replace("-", " "), scale.replace("-", ""))
    )
    named_by = (dice.choice(("scale", "Scale", "questionnaire", "instrument", "scaleName", "form")), named)
    key = dice.choice(
        (f"{number}", f"{number:02}", f"q{number}", f"Q{number}", f"item_{number}", f"item {number}")
    )
    in_order = [dice.randrange(2) if at != number else score for at in range(1, count + 1)]
    keyed = {(str(at) if at != number else key): answer for at, answer in enumerate(in_order, 1)}
    label, answer = dice.choice(_LABELS)
    loinc = dice.choice(("44260-8", "LOINC 44260-8", "/44260-8", "http://loinc.org|44260-8"))
    ways: dict[str, list[tuple[str, Any]]] = {
        "list": [named_by, ("items", in_order)],
        "keyed": [named_by, (dice.choice(("items", "answers", "responses")), keyed)],
        "sparse": [named_by, ("items", {key: score})],
        "flat": [named_by, (key, score)],
        "own": [(dice.choice(_OWN_KEYS[scale]), score)],
        "labelled": [named_by, ("items", [{label: "1", answer: 0}, {label: key, answer: score}])],
        "loinc": [(loinc, dice.choice((1, "2", 3)))],
        "fhir": _fhir(dice),
    }
    way = dice.choice(list(ways))
    return ways[way], f"{way} {scale}"


def _fhir(dice: random.Random) -> list[tuple[str, Any]]:
    answer = dice.choice(
        (
            {"valueInteger": 1},
            {"valueDecimal": 2.0},
            {"valueString": "Several days"},
            {"valueCoding": {"system": "http://loinc.org", "code": "LA6570-1"}},
        )
    )
    items = [
        {"linkId": "/44250-9", "answer": [{"valueInteger": 0}]},
        {"linkId": "/44260-8", "answer": [answer]},
    ]
    inner: Any = [{"linkId": "group", "item": items}] if dice.random() < 0.5 else items
    return [("resourceType", "QuestionnaireResponse"), ("status", "completed"), ("item", inner)]


def _implied(dice: random.Random) -> tuple[list[tuple[str, Any]], str]:
    scale, totals = dice.choice((("phq-9", (25, 26, 27)), ("qids-sr16", (25, 27)), ("madrs", (56, 60))))
    if scale == "phq-9" and dice.random() < 0.5:
        items = [dice.randrange(4) for _ in range(8)]
        return [
            ("scale", scale),
            ("items", items),
            ("total", sum(items) + dice.randrange(1, 4)),
        ], "total above items"
    total = dice.choice(totals)
    key = dice.choice(("total", "Total", "total_score", "totalScore", "sum"))
    return [("scale", scale), (key, dice.choice((total, str(total), float(total))))], "total"


def _spelled(dice: random.Random, words: tuple[str, ...]) -> str:
    ways: tuple[Callable[[], str], ...] = (
        lambda: "_".join(words),
        lambda: "-".join(words),
        lambda: " ".join(words),
        lambda: words[0] + "".join(word.title() for word in words[1:]),
        lambda: "".join(word.title() for word in words),
        lambda: "_".join(words).upper(),
        lambda: "-".join(word.title() for word in words),
        lambda: " " + "_".join(words) + " ",
        lambda: ".".join(words),
        lambda: "".join(words),
    )
    return dice.choice(ways)()


_WAYS = (
    "json", "json", "json", "duplicate", "wrapped", "batch", "broken", "cut", "form", "parts", "text", "xml", "table",
    "base64",
)  # fmt: skip


def _written(dice: random.Random, fields: list[tuple[str, Any]], made: str) -> Sent:
    way = dice.choice(_WAYS)
    around: list[tuple[str, Any]] = [
        ("mood", dice.randrange(11)),
        ("time_zone", "Europe/Berlin"),
        ("note", dice.choice(NOTES)),
    ]
    pairs = [*around[: dice.randrange(3)], *fields, *around[2:]]
    made = f"{made} {way}"
    if way == "form" and _is_flat(fields):
        return Sent(
            urlencode([(key, _as_field(value)) for key, value in pairs]).encode(),
            dice.choice((FORM, JSON, "")),
            made=made,
        )
    if way == "parts" and _is_flat(fields):
        boundary = f"x{dice.randrange(10**9)}"
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{_as_field(value)}\r\n'
            for key, value in pairs
        ]
        return Sent(
            "".join([*parts, f"--{boundary}--\r\n"]).encode(),
            f"multipart/form-data; boundary={boundary}",
            made=made,
        )
    if way in {"xml", "table"} and _is_flat(fields):
        text = (_as_xml if way == "xml" else _as_table)(dice, pairs)
    else:
        text = _as_json(dice, pairs, fields, way)
    if way == "base64":
        text = b64encode(text.encode()).decode()
    elif way == "text":
        text = json.dumps(text)
    if way == "form":
        return Sent(dice.choice(("", "json=", "payload=")).encode() + quote(text).encode(), FORM, made=made)
    return _packed(dice, text, made)


def _as_xml(dice: random.Random, pairs: list[tuple[str, Any]]) -> str:
    """As elements, as elements with a value, or as attributes of one."""
    named = [
        (key if key.isidentifier() else re.sub(r"\W", "-", f"q {key.strip()}"), _as_field(value))
        for key, value in pairs
    ]
    if dice.random() < 0.3:
        return f"<report {' '.join(f'{key}={quoteattr(value)}' for key, value in dict(named).items())}/>"
    if dice.random() < 0.5:
        return f"<report>{''.join(f'<{key} value={quoteattr(value)}/>' for key, value in named)}</report>"
    return f"<r:report>{''.join(f'<{key}>{escape(value)}</{key}>' for key, value in named)}</r:report>"


def _as_table(dice: random.Random, pairs: list[tuple[str, Any]]) -> str:
    written = io.StringIO()
    table = csv.writer(written, delimiter=dice.choice(",;\t|"))
    table.writerow([key for key, _ in pairs])
    table.writerow([_as_field(value) for _, value in pairs])
    return written.getvalue()


def _as_json(
    dice: random.Random, pairs: list[tuple[str, Any]], fields: list[tuple[str, Any]], way: str
) -> str:
    def text_of(some: list[tuple[str, Any]]) -> str:
        ascii_only = dice.random() < 0.5
        members = [
            f"{_escaped(dice, key)}: {json.dumps(value, ensure_ascii=ascii_only)}" for key, value in some
        ]
        return "{" + dice.choice((", ", ",", ",\n  ")).join(members) + "}"

    if way == "duplicate":
        last = dice.choice((False, None, "no", 0))
        return text_of([*pairs, (fields[-1][0], last)]) if _is_flat(fields[-1:]) else text_of(pairs)
    if way == "wrapped":
        return dice.choice(
            ('{"data": [{"attributes": %s}]}', '{"check_in": %s}', "[[%s]]", '{"a": {"b": {"c": %s}}}')
        ) % text_of(pairs)
    if way == "batch":
        return f'{{"items": [{text_of([("mood", 3), ("id", "a")])}, {text_of(pairs)}]}}'
    if way == "broken":
        broken = text_of([*pairs, ("last", "x")])
        return dice.choice(
            (
                broken[:-1],
                broken + "}",
                broken[:-1] + ",}",
                "\n" + broken + "\n" + broken,
                broken.replace(", ", " , , "),
                broken + "garbage",
            )
        )
    if way == "cut":
        return text_of([*fields, ("note", "long " * 20)])[: -dice.randrange(1, 60)]
    return text_of(pairs)


def _packed(dice: random.Random, text: str, made: str) -> Sent:
    encoding = dice.choice(
        ("utf-8",) * 8 + ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
    )
    body = text.encode(encoding, "surrogatepass")
    packing = dice.choice(("",) * 8 + ("gzip", "deflate", "raw", "hidden", "half"))
    kind = dice.choice(
        (
            JSON,
            JSON,
            JSON,
            "",
            "text/plain",
            "application/json; charset=utf-16",
            "application/fhir+json",
            FORM,
        )
    )
    made = f"{made} {encoding} {packing} {kind}"
    if packing == "gzip":
        return Sent(gzip.compress(body), kind, "gzip", made=made)
    if packing == "deflate":
        return Sent(zlib.compress(body), kind, "deflate", made=made)
    if packing == "raw":
        press = zlib.compressobj(wbits=-15)
        return Sent(press.compress(body) + press.flush(), kind, "deflate", made=made)
    if packing == "hidden":
        return Sent(gzip.compress(body), kind, made=made)
    if packing == "half":
        return Sent(gzip.compress(body + b" " * 50)[:-8], kind, "gzip", made=made)
    return Sent(body, kind, made=made)


def _harmless(dice: random.Random) -> dict[str, Any]:
    note = dice.choice(NOTES)
    check_in = {
        "recorded_at": f"2026-11-{dice.randrange(1, 29):02}T0{dice.randrange(10)}:15:00+01:00",
        "time_zone": "Europe/Berlin",
        "mood": dice.randrange(11),
        "energy": dice.randrange(11),
        "note": note,
        "self_harm_thoughts": False,
    }
    items = [dice.randrange(4) for _ in range(8)] + [0]
    qids = [dice.randrange(4) for _ in range(16)]
    qids[11] = 0
    madrs = [dice.randrange(7) for _ in range(9)] + [dice.randrange(2)]
    return dict(
        dice.choice(
            (
                check_in,
                {"items": [check_in | {"id": str(at)} for at in range(3)]},
                {"scale": "phq-9", "taken_at": "2026-11-03T08:15:00Z", "items": items, "total": sum(items)},
                {"scale": "phq-9", "items": {str(at): answer for at, answer in enumerate(items, 1)}},
                {"scale": "phq-9", "total": dice.randrange(25)},
                {"scale": "madrs", "items": madrs},
                {"scale": "qids-sr16", "items": qids},
                {
                    "scale": "gad-7",
                    "items": [dice.randrange(4) for _ in range(7)],
                    "total": dice.randrange(22),
                },
                {"external_ref": "P-9", "time_zone": "Europe/Berlin", "locale": "en-US", "note": note},
                {"crisis_phone": "+1 555 0100", "limits": {"urgent_safety_minutes": 15}, "name": note},
            )
        )
    )


def _escaped(dice: random.Random, key: str) -> str:
    if dice.random() < 0.7:
        return json.dumps(key)
    return (
        '"'
        + "".join(
            f"\\u{ord(one):04x}" if dice.random() < 0.4 and ord(one) < 0x10000 else json.dumps(one)[1:-1]
            for one in key
        )
        + '"'
    )


def _is_flat(fields: list[tuple[str, Any]]) -> bool:
    return not any(isinstance(value, list | dict) for _, value in fields)


def _as_field(value: object) -> str:
    return (
        {True: "true", False: "false", None: ""}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )
