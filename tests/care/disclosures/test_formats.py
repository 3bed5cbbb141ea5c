"""A disclosure is heard in each format that programs send, and within other formats."""

import base64
import gzip
import json
import random
import time
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE
from typing import Any
from urllib.parse import quote

import pytest

from app.care.disclosures.detector import disclosures_in, last_look

SAID = {"mood": 3, "self_harm_thoughts": True}
JSON = json.dumps(SAID).encode()
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=x"
_XML = (
    '<QuestionnaireResponse xmlns="http://hl7.org/fhir"><item><linkId value="/44250-9"/><answer>'
    '<valueInteger value="0"/></answer></item><item><linkId value="/44260-8"/><answer>{}</answer></item>'
    "</QuestionnaireResponse>"
)


def in_parts(head: str, value: bytes, *, kind: str = PARTS) -> tuple[bytes, str]:
    head = f"--x\r\n{head}\r\n\r\n"
    return head.encode() + value + b"\r\n--x--\r\n", kind


def answered(link_id: str, **answer: object) -> dict[str, Any]:
    return {"linkId": link_id, "answer": [answer]}


def questionnaire(*items: dict[str, Any], **more: object) -> tuple[bytes, str]:
    document = {"resourceType": "QuestionnaireResponse", "status": "completed", "item": items, **more}
    return json.dumps(document).encode(), "application/fhir+json"


FORMATS: dict[str, tuple[bytes, str]] = {
    "two byte order marks": (BOM_UTF8 + BOM_UTF8 + JSON, ""),
    "UTF-16 with its mark, packed": (gzip.compress(BOM_UTF16_BE + JSON.decode().encode("utf-16-be")), ""),
    "UTF-7": (JSON.decode().encode("utf-7"), "application/json; charset=utf-7"),
    "gzip in gzip": (gzip.compress(gzip.compress(JSON)), ""),
    "gzip four deep": (gzip.compress(gzip.compress(gzip.compress(gzip.compress(JSON)))), ""),
    "gzip in two members": (
        gzip.compress(b'{"mood": 3,') + gzip.compress(b'"self_harm_thoughts": true}'),
        "",
    ),
    "zlib that nobody named": (zlib.compress(JSON), ""),
    "XML": (b"<c><mood>3</mood><self_harm_thoughts>true</self_harm_thoughts></c>", "application/xml"),
    "XML attributes": (b'<c mood="3" selfHarmThoughts="true"/>', "text/xml"),
    "SOAP": (b"<s:Envelope><s:Body><n:selfHarmThoughts>true</n:selfHarmThoughts></s:Body></s:Envelope>", ""),
    "FHIR XML": (_XML.format('<valueInteger value="2"/>').encode(), "application/fhir+xml"),
    "FHIR XML, coded": (_XML.format('<valueCoding><code value="LA6570-1"/></valueCoding>').encode(), ""),
    "YAML": (b"scale: phq-9\nitems:\n  q1: 0\n  q9: 2\n", "application/yaml"),
    "YAML, a list": (b"scale: phq-9\nitems:\n  - 0\n" + b"  - 0\n" * 7 + b"  - 2\nmood: 3\n", ""),
    "YAML, a list that is not indented": (b"scale: phq-9\nitems:\n" + b"- 0\n" * 8 + b"- 2\n", ""),
    "YAML, a list of items": (b"scale: phq-9\nitems:\n- item: 1\n  value: 0\n- item: 9\n  value: 2\n", ""),
    "TOML": (b"mood = 3\nself_harm_thoughts = true\n", ""),
    "CSV": (b"recorded_at,mood,self_harm_thoughts\n2026-01-01T00:00:00Z,3,true\n", "text/csv"),
    "a table with tabs": (b"scale\tq1\tq9\r\nphq-9\t0\t2\r\n", ""),
    "a table in quotes": (b'"mood","self_harm_thoughts"\n"3","true"\n', "text/csv"),
    "a name and its value a line": (b"mood,3\nself_harm_thoughts,true\n", "text/csv"),
    "names once, then rows": (
        json.dumps({"columns": ["mood", "self_harm_thoughts"], "rows": [[3, True]]}).encode(),
        "",
    ),
    "names and values in turn": (json.dumps(["mood", 3, "self_harm_thoughts", True]).encode(), ""),
    "REDCap": (json.dumps([{"record": "1", "field_name": "phq9_9", "value": "2"}]).encode(), ""),
    "numbered answers": (
        json.dumps({"phq9": {"answers": [{"n": 9, "v": 0}, {"n": 9, "v": 2}]}}).encode(),
        "",
    ),
    "a list of properties": (b"<plist><dict><key>self_harm_thoughts</key><true/></dict></plist>", ""),
    "XML with the key after its answer": (
        b'<answers><answer value="true" key="self_harm_thoughts"/></answers>',
        "application/xml",
    ),
    "escaped XML": (b"<c>&lt;self_harm_thoughts&gt;true&lt;/self_harm_thoughts&gt;</c>", ""),
    "HL7 version 2 on a wire": (
        b"\x0bMSH|^~\\&|EHR|C\rOBX|1|CE|PHQ9_9^^L||LA6569-3^Several days^LN||||||F\r",
        "",
    ),
    "HL7 version 2": (
        b"MSH|^~\\&|EHR|C\rOBX|1|NM|44260-8^Better off dead^LN||2|||||F\r",
        "x-application/hl7-v2+er7",
    ),
    "MessagePack": (b"\x82\xa4mood\x03\xb2self_harm_thoughts\xc3", "application/msgpack"),
    "CBOR": (b"\xa2\x64mood\x03\x72self_harm_thoughts\xf5", "application/cbor"),
    "BSON": (b"\x1b\0\0\0\x08self_harm_thoughts\0\x01\0", "application/bson"),
    "JWT": (
        b"eyJhbGciOiJub25lIn0." + base64.urlsafe_b64encode(JSON).rstrip(b"=") + b".sig",
        "application/jwt",
    ),
    "hexadecimal": (JSON.hex().encode(), ""),
    "Base64 of packed bytes": (base64.b64encode(gzip.compress(JSON)), ""),
    "Base64 of a form, in lines": (
        base64.encodebytes(b"mood=3&energy=4&" * 9 + b"self_harm_thoughts=true"),
        "",
    ),
    "Base64 in an address": (
        json.dumps({"f": "data:application/json;base64," + base64.b64encode(JSON).decode()}).encode(),
        "",
    ),
    "percent signs three times": (quote(quote(quote(JSON))).encode(), ""),
    "letters that look alike": (json.dumps({"s\u0435lf_h\u0430rm_th\u043eughts": True}).encode(), ""),
    "quotes of a word processor": ("{“self_harm_thoughts”\uff1a true}".encode(), ""),
    "Spanish": (json.dumps({"pensamientosDeAutolesión": True}).encode(), ""),
    "German": (json.dumps({"suizidgedanken": True}).encode(), ""),
    "French": (json.dumps({"idées_suicidaires": True}).encode(), ""),
    "Base64": (base64.b64encode(JSON), ""),
    "Base64 in a field": (json.dumps({"data": base64.b64encode(JSON).decode()}).encode(), ""),
    "entities of HTML": (b"{&quot;self_harm_thoughts&quot;: true}", ""),
    "GraphQL": (
        json.dumps({"query": "mutation { checkIn(input: {selfHarmThoughts: true}) { id } }"}).encode(),
        "",
    ),
    "JSON-RPC": (json.dumps({"method": "self_harm_thoughts", "params": [True]}).encode(), ""),
    "JSON Patch": (json.dumps([{"op": "replace", "path": "/phq9_9", "value": 2}]).encode(), ""),
    "pairs": (json.dumps([["mood", 3], ["self_harm_thoughts", True]]).encode(), ""),
    "names and values": (json.dumps([{"k": "self_harm_thoughts", "v": True}]).encode(), ""),
    "a form written twice": (b"self%255Fharm%255Fthoughts=true", FORM),
    "a form counted from nought": (
        "&".join(["scale=phq-9", *(f"items[{n}]={int(n == 8)}" for n in range(9))]).encode(),
        FORM,
    ),
    "answers in a row": (json.dumps({"scale": "phq-9", "items": "000000002"}).encode(), ""),
    "answers with blanks": (json.dumps({"scale": "phq-9", "items": "0 0 0 0 0 0 0 0 2"}).encode(), ""),
    "a part of JSON": in_parts("Content-Type: application/json", JSON, kind="multipart/mixed; boundary=x"),
    "a part that is a table": in_parts(
        'Content-Disposition: form-data; name="f"; filename="c.csv"\r\nContent-Type: text/csv',
        b"mood,self_harm_thoughts\n3,true",
    ),
    "a part in Base64": in_parts(
        'Content-Disposition: form-data; name="self_harm_thoughts"\r\nContent-Transfer-Encoding: base64',
        b"dHJ1ZQ==",
    ),
    "a part in quoted-printable": in_parts(
        'Content-Disposition: form-data; name="c"\r\nContent-Transfer-Encoding: quoted-printable',
        b'{"self=5Fharm=5Fthoughts": true}',
    ),
    "a packed part": in_parts(
        'Content-Disposition: form-data; name="c"\r\nContent-Encoding: gzip', gzip.compress(JSON)
    ),
    "a part with a name in another alphabet's way": in_parts(
        "Content-Disposition: form-data; name*=utf-8''self%5Fharm%5Fthoughts", b"true"
    ),
    "parts within a part": in_parts(
        "Content-Type: multipart/mixed; boundary=y",
        b'--y\r\nContent-Disposition: form-data; name="self_harm_thoughts"\r\n\r\ntrue\r\n--y--',
        kind="multipart/mixed; boundary=x",
    ),
    "FHIR boolean": questionnaire(answered("self_harm_thoughts", valueBoolean=True)),
    "FHIR integer": questionnaire(answered("/44260-8", valueInteger=2)),
    "FHIR decimal": questionnaire(answered("/44260-8", valueDecimal=2.0)),
    "FHIR quantity": questionnaire(answered("/44260-8", valueQuantity={"value": 2})),
    "FHIR coding": questionnaire(answered("/44260-8", valueCoding={"code": "LA6570-1"})),
    "FHIR coding by its words": questionnaire(
        answered("/44260-8", valueCoding={"display": "Nearly every day"})
    ),
    "FHIR, several answers": questionnaire(
        {"linkId": "/44260-8", "answer": [{"valueInteger": 0}, {"valueInteger": 2}]}
    ),
    "FHIR, one answer without a list": questionnaire({"linkId": "/44260-8", "answer": {"valueInteger": 2}}),
    "FHIR, an item within an answer": questionnaire(
        {"linkId": "g", "answer": [{"valueBoolean": True, "item": [answered("/44260-8", valueInteger=2)]}]}
    ),
    "FHIR, by the question's words alone": questionnaire(
        answered("9", valueInteger=1)
        | {"text": "Thoughts that you would be better off dead, or of hurting yourself"}
    ),
    "FHIR, by the questionnaire": questionnaire(
        *(answered(str(n), valueInteger=int(n == 9)) for n in range(1, 10)),
        questionnaire="http://loinc.org/q/44249-1",
    ),
    "FHIR total": (
        json.dumps(
            {"resourceType": "Observation", "code": {"coding": [{"code": "44261-6"}]}, "valueInteger": 26}
        ).encode(),
        "",
    ),
    "FHIR statement": (
        json.dumps(
            {"resourceType": "Observation", "code": {"text": "Self-harm thoughts"}, "valueBoolean": True}
        ).encode(),
        "",
    ),
    "FHIR Binary": (
        json.dumps({"resourceType": "Binary", "data": base64.b64encode(JSON).decode()}).encode(),
        "application/fhir+json",
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_disclosure_is_heard_in_this_format(name: str) -> None:
    body, content_type = FORMATS[name]
    assert disclosures_in(body, content_type=content_type, path="/v1/check-ins")


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_format_that_says_no_is_not_one(name: str) -> None:
    body, content_type = FORMATS[name]
    silent = _silenced(body)
    if silent != body:
        assert not disclosures_in(silent, content_type=content_type, path="/v1/check-ins")


def _silenced(body: bytes) -> bytes:
    """The same with a no, where it can be written in as many letters: not what is packed or encoded."""
    for yes, no in (
        (b"true", b"null"), (b'"valueInteger": 2', b'"valueInteger": 0'), (b'value="2"', b'value="0"'),
        (b"thoughts\xc3", b"thoughts\xc2"), (b"thoughts\xf5", b"thoughts\xf4"), (b"\t2", b"\t0"),
        (b"||2|", b"||0|"), (b"000000002", b"000000000"),
    ):  # fmt: skip
        body = body.replace(yes, no)
    return body


def test_what_stands_in_the_address_is_heard() -> None:
    assert disclosures_in(b"", path="/v1/check-ins", said_in_url="mood=3&selfHarmThoughts=true")
    assert not disclosures_in(b"", path="/v1/check-ins", said_in_url="mood=3&selfHarmThoughts=false")


_LONG = 200_000
HOSTILE = {
    "a picture": random.Random(1).randbytes(3_000_000),  # noqa: S311 - the same each time
    "words in a row": b"how are you " * 500_000,
    "percent signs of percent signs": b"%" + b"25" * _LONG,
    "bullets": b"- a: b\n" * _LONG,
    "members of nothing": gzip.compress(b"") * 10_000,
    "XML that only opens": b"<a>" * (_LONG // 3),
    "XML with half attributes": b"<a b='" * (_LONG // 6),
    "XML with blanks": b"<a" + b" " * _LONG,
    "entities of entities": b"".join(b"&" + b"amp;" * depth + b"quot; " for depth in range(400)),
    "a table of one row": b"a,b\n" + b"x," * (_LONG // 2),
    "a table of names": b",".join(b"mood %d" % one for one in range(_LONG // 10)) + b"\nno",
    "parts without end": b"--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" * 4_000,
    "pairs of pairs": b"[" * 400 + b'["a", 1]' + b"]" * 400,
    "Base64 that is none": b"eyJ" + b"A" * _LONG,
    "HL7 of bars": b"MSH|" + b"|" * _LONG,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.slow
def test_a_body_that_is_made_to_be_slow_is_read_in_time_and_says_nothing(name: str) -> None:
    began = time.process_time()
    for kind in ("", "application/xml", "multipart/mixed; boundary=x"):
        assert not disclosures_in(HOSTILE[name], content_type=kind, path="/v1/check-ins")
    assert time.process_time() - began < 10


def test_what_our_own_mistake_keeps_from_being_read_is_looked_through() -> None:
    assert last_look(b'{"self_harm_thoughts": true')
    assert not last_look(b'{"self_harm_thoughts": false')
