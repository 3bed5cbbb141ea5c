"""A clinic in which everything has happened once, so that a test of who sees what is not about empty tables."""

import asyncio
import hashlib
import io
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
from joserfc.jwk import ECKey
from PIL import Image

from app.access.audit.archived_months import mac_of_month
from app.access.clinics.logos import put_logo
from app.access.clinics.permissions import StaffRole
from app.care.patients.sealed_fields import vault_of
from app.care.reminders.schemas import PushSubscriptionEntry
from app.context import Work
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from app.foundation.vault import Vault
from app.imports import commands as imports
from app.interop.smart.backend_services import register
from app.interop.smart.single_sign_on import LABEL_CELL
from app.interop.smart.systems import NewSystem, connect
from app.notifications.messages.consent_text import CURRENT_VERSION
from app.outbox import Channel, NewMessage, Wording, queue_message
from app.storage import (
    archived_tables,
    backend_clients,
    connected_systems,
    linked_records,
    patients,
    received_texts,
    reminders,
    stopped_numbers,
)
from app.storage.audit_archives import AuditArchive
from app.storage.connected_systems import StaffIdentity
from app.storage.engine.rows import values_of
from app.storage.linked_records import LinkedRecord
from app.storage.received_texts import ReceivedText
from app.storage.reminders import Reminder
from app.studies.row_problems import FileKind
from app.studies.what_if_jobs import ask, last_try
from tests.support.authenticator import Authenticator
from tests.support.browser import PlainBrowser
from tests.support.clinics import name_contacts, seal_audit_log
from tests.support.passkeys import SESSION_COOKIE, set_up_passkey
from tests.support.people import ClinicClient, PatientClient, clinic_client, treated
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service
from tests.support.staff import JoinedMember, invited, joined, staff_client

PUSH_SUBSCRIPTIONS = PushSubscriptionEntry.model_json_schema()["examples"]


A_NIGHT = {
    "started_at": (NOW - timedelta(hours=19)).isoformat(),
    "ended_at": (NOW - timedelta(hours=12)).isoformat(),
    "time_zone": "Europe/Berlin",
    "asleep_minutes": 400,
    "source": "healthkit",
    "app": "com.apple.health",
}


@dataclass
class LivelyClinic:
    """The ids of what is there; ``ids`` is keyed by the names of path parameters, and of fields of bodies."""

    client: ClinicClient
    phone: PatientClient
    nurse: httpx2.Client
    ids: dict[str, str]


def lively_clinic(service: Service, receiver: Receiver, name: str) -> LivelyClinic:
    """Open a clinic with a patient who faded, said something that must be looked at, and was announced."""
    client = clinic_client(service, name)
    key = client.http.post("/v1/api-keys", json={"name": "EHR", "scopes": ["patients"]})
    assert key.status_code == 201, key.text
    write_to_contact(client, service)
    endpoint = client.add_endpoint(receiver.url)
    chat = {"kind": "slack", "address": f"{receiver.url}/chat", "events": ["consent.withdrawn"]}
    channel = client.http.post("/v1/notice-channels", json=chat)
    assert channel.status_code == 201, channel.text
    before = len(receiver.accepted("safety.reported"))
    patient = treated(client, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 15 else (3, 3, 3))
    (signal,) = client.signals(patient)
    form = describe_and_score(client, patient)
    days = {name: (NOW - timedelta(days=ago)).date().isoformat() for name, ago in (("from", 22), ("to", 14))}
    chosen = client.http.put(f"/v1/patients/{patient}/reference", json={**days, "reason": "a reason"})
    assert chosen.is_success, chosen.text
    numbers = {"numbers": {"consider_at": 0.56}}
    assert client.http.put("/v1/clinic/policy", json=numbers, headers={"if-match": '"0"'}).is_success
    note_what_is_known(client, patient)
    phone = client.enrol(patient, service.url)
    agreed = {"version": CURRENT_VERSION, "accepted": True}
    assert phone.http.post("/v1/me/consent", json=agreed).is_success
    said = phone.check_in(
        NOW - timedelta(hours=1), (3, 3, 3), note="a note", asks_about_booster=True, self_harm_thoughts=True
    )
    old_phone = client.enrol(patient, service.url)
    (old,) = [one for one in old_phone.http.get("/v1/me/devices").json()["items"] if one["this_one"]]
    assert client.http.post(f"/v1/patients/{patient}/sign-in-links").is_success
    (subscription,) = PUSH_SUBSCRIPTIONS
    assert phone.http.put("/v1/me/push-subscription", json=subscription).is_success
    service.run(write_to(service, client.clinic_id, patient))
    holiday = {"days": [(NOW + timedelta(days=60)).date().isoformat()]}
    assert client.http.put("/v1/clinic/days-without-reminders", json=holiday).is_success
    assert client.http.get("/v1/events").is_success
    (event,) = client.http.get("/v1/safety-events").json()["items"]
    findings = client.http.get("/v1/findings", params={"patient_id": patient}).json()["items"]
    found = {one["code"]: one["id"] for one in findings}
    receiver.wait_for("safety.reported", count=before + 1)
    leaving, gone = asks_to_be_erased(client, client.patient()), asks_to_be_erased(client, client.patient())
    approval = f"/v1/erasure-requests/{gone['id']}/approve"
    assert client.http.post(approval, headers={"if-match": '"1"'}).is_success
    stays, double = merge_duplicate(client)
    tested = client.http.post("/v1/clinic/contact-tests", json={"email": "successor@clinic.example"})
    assert tested.is_success, tested.text
    what_if = service.run(work_as_owner(service, client.clinic_id, patient))
    sign_in_everywhere(service, joined(service, client, StaffRole.OWNER))
    nurse = staff_client(service, client.clinic_id, StaffRole.COORDINATOR)
    emergency = {"reason": "Nobody who may was there."}
    assert nurse.post(f"/v1/patients/{patient}/emergency-access", json=emergency).status_code == 201
    # The worker's sweep does it too, some seconds later.
    seal_audit_log(service, client.clinic_id)
    deliveries = client.http.get(f"/v1/webhook-endpoints/{endpoint['id']}/deliveries").json()["items"]
    ids = {
        "patient_id": patient,
        "into_id": stays,
        "other_id": double,
        "what_if_id": str(what_if),
        "check_in_id": said.json()["id"],
        "sleep_night_id": send_a_night(phone),
        "signal_id": signal["id"],
        "event_id": event["id"],
        "endpoint_id": endpoint["id"],
        "channel_id": channel.json()["id"],
        "delivery_id": deliveries[0]["id"],
        "hold_id": hold_what_stays(client, patient),
        "request_id": leaving["id"],
        "device_id": old["id"],
        "finding_id": found["note"],
        "item_id": found["asked"],
        "key_id": key.json()["id"],
        "assessment_id": form,
        **recorded(client, patient),
        "template_id": protocol_template(client),
        "staff_id": invited(client, StaffRole.CLINICIAN)["id"],
    }
    return LivelyClinic(client=client, phone=phone, nurse=nurse, ids=ids)


def hold_what_stays(client: ClinicClient, patient: str) -> str:
    """Say how long what is kept, and place two holds, of which one is lifted; gives the other's id."""
    assert client.http.put("/v1/clinic/retention", json={"deliveries_months": 24}).is_success
    placed = [
        client.http.post("/v1/legal-holds", json={"patient_id": whose, "reason": "a reason"})
        for whose in (patient, client.patient())
    ]
    lifted, holds = [str(one.json()["id"]) for one in placed]
    assert client.http.post(f"/v1/legal-holds/{lifted}/lift").is_success
    return holds


def protocol_template(client: ClinicClient) -> str:
    """Describe a protocol template of the clinic's own; gives its id."""
    made = client.http.post(
        "/v1/protocol-templates", json={"name": "Twice weekly", "infusions": 8, "interval_days": 3}
    )
    assert made.is_success, made.text
    return str(made.json()["id"])


def asks_to_be_erased(client: ClinicClient, patient: str) -> dict[str, Any]:
    """Note a patient's wish to be erased; gives the request."""
    reply = client.http.post(f"/v1/patients/{patient}/erasure-requests")
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def merge_duplicate(client: ClinicClient) -> tuple[str, str]:
    """Merge someone who was registered twice; gives the patient who stays, and the other record."""
    double, stays = client.patient(), client.patient()
    merging = {"into": stays, "reason": "Registered twice"}
    merged = client.http.post(f"/v1/patients/{double}/merge", json=merging)
    assert merged.is_success, merged.text
    return stays, double


async def work_as_owner(service: Service, clinic_id: str, patient: str) -> UUID:
    """Connect systems, try other numbers, upload a logo, and begin an import; gives the what-if run's id."""
    await connect_systems(service, clinic_id, patient)
    tried = await try_numbers(service, clinic_id)
    await upload_patients(service, clinic_id)
    async with service.context.work(UUID(clinic_id), actor=OPERATOR) as work:
        await put_logo(work, small_picture("PNG"))
    return tried


def small_picture(kind: str, size: tuple[int, int] = (900, 300), **saved: Any) -> bytes:  # noqa: ANN401 - Pillow's
    """Draw a picture of one color, as a file of this kind."""
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **saved)
    return out.getvalue()


async def try_numbers(service: Service, clinic_id: str) -> UUID:
    """Try other numbers over the clinic's past, and wait until the worker has done it; gives the run's id."""
    async with service.context.work(UUID(clinic_id), actor=OPERATOR) as work:
        made = await ask(work, numbers={"consider_at": 0.6}, first=None, last=None)
    while True:
        async with service.context.work(UUID(clinic_id)) as work:
            tried = await last_try(work)
        assert tried is not None
        if tried.state != "waiting":
            break
        await asyncio.sleep(0.2)
    assert tried.state == "done"
    return made


async def upload_patients(service: Service, clinic_id: str) -> None:
    """Upload a file of patients, which is never imported."""
    async with service.context.work(UUID(clinic_id), actor=OPERATOR) as work:
        import_id = await imports.start(work)
        content = b"patient\nL-1\n"
        await imports.add_file(work, import_id, FileKind.PATIENTS, name="Patients", content=content)


async def write_to(service: Service, clinic_id: str, patient: str) -> None:
    """Have a reminder written to a patient, which waits: no mail server is set up here."""
    vault, now = service.context.vault, service.clock.now()
    reminder = Reminder(
        id=new_id(),
        patient_id=UUID(patient),
        check_in_day=now.date(),
        slot="check_in",
        channel="email",
        asked_at=now,
    )
    message = NewMessage(
        channel=Channel.EMAIL,
        to="name@example.org",
        wording=Wording.SIGN_IN_LINK,
        locale="en-US",
        link="https://afterglow.test",
        mode="test",
        patient_id=UUID(patient),
        subject_id=reminder.id,
    )
    async with service.context.work(UUID(clinic_id), actor=OPERATOR) as work:
        assert await reminders.add(work, reminder)
        await queue_message(work, message, now=now)
        work.audit("message.queued", "patient", UUID(patient))
        record = await patients.find(work, UUID(patient))
        assert record is not None
        own = vault_of(work, record)
        sealed = own.seal("a text", row_id=reminder.id, table="received_texts", column="text_sealed")
        texted = ReceivedText(
            id=reminder.id, patient_id=UUID(patient), word=None, text_sealed=sealed, received_at=now
        )
        assert await received_texts.add(work, texted)
        assert await stopped_numbers.add(work, b"a number", at=now)
        await archived_tables.add_rows(work, archived_tables.AUDIT_LOG[0], [an_empty_month(work, vault)])


def an_empty_month(work: Work, vault: Vault) -> dict[str, Any]:
    """What is kept of an archived month in which nothing happened."""
    none = UUID(int=0)
    month = AuditArchive(
        id=new_id(),
        name="1970_01",
        first_id=none,
        end_id=none,
        archived_at=work.real_now,
        sha256=bytes(32),
        lines=0,
        first_sequence=0,
        last_sequence=0,
        mac=b"",
    )
    mac = mac_of_month(vault, work.clinic_id, month, hashlib.sha256().digest())
    return values_of(month) | {"mac": mac}


async def connect_systems(service: Service, clinic_id: str, patient: str) -> None:
    """Connect where staff sign in, have it name someone, and register a program that was given a token."""
    keys = {"keys": [ECKey.generate_key("P-384", {"kid": "1"}).as_dict(private=False)]}
    new = NewSystem(kind="sign_in", name="Sign-in", issuer="https://sign-in.example", client_id="afterglow")
    async with service.context.work(UUID(clinic_id), actor=OPERATOR) as work:
        system = await connect(work, new)
        named_id = new_id()
        named = StaffIdentity(
            id=named_id,
            system_id=system.id,
            subject_digest=b"somebody",
            label_sealed=work.vault.seal("Robin", clinic_id=work.clinic_id, row_id=named_id, **LABEL_CELL),
            staff_id=None,
            seen_at=work.now,
        )
        await connected_systems.note_identity(work, named)
        linked = LinkedRecord(
            system_id=system.id,
            kind="patient",
            external_digest=b"P-1",
            patient_id=UUID(patient),
            record_id=UUID(patient),
            changed_at=None,
            linked_at=work.now,
        )
        await linked_records.keep(work, linked)
        await register(work, name="Warehouse", scopes="system/*.rs", keys=json.dumps(keys))
        await backend_clients.spend(work, b"an assertion", expires_at=work.now + timedelta(days=1))


def write_to_contact(client: ClinicClient, service: Service) -> None:
    """Name contacts, one of whom is written to of a statement, because no endpoint can be notified."""
    name_contacts(client)
    phone = client.enrol(client.patient(), service.url)
    assert phone.check_in(NOW, self_harm_thoughts=True).status_code == 201
    (event,) = client.http.get("/v1/safety-events").json()["items"]
    closing = {"outcome": "contact_made"}
    assert client.http.post(f"/v1/safety-events/{event['id']}/close", json=closing).status_code == 200


def send_a_night(phone: PatientClient) -> str:
    """Have the patient switch the import of nights on, and the phone send one."""
    assert phone.http.put("/v1/me/sleep-import", json={"on": True}).is_success
    night = phone.http.put(f"/v1/me/sleep-nights/{new_id()}", json=A_NIGHT)
    assert night.status_code == 201, night.text
    return str(night.json()["id"])


def note_what_is_known(client: ClinicClient, patient: str) -> None:
    """Note a caution and a change of weight, archive the patient by mistake, and begin a transfer."""
    record = f"/v1/patients/{patient}"
    mania = client.http.put(f"{record}/factors", json={"cautions": ["mania"]}, headers={"if-match": '"0"'})
    assert mania.is_success, mania.text
    planned = {"kind": "induction", "on": str(NOW.date() + timedelta(days=400))}
    assert client.http.post(f"/v1/patients/{patient}/appointments", json=planned).is_success
    team = client.http.put(f"{record}/care-team", json={"members": []}, headers={"if-match": '"0"'})
    assert team.is_success, team.text
    changed = {"kind": "weight", "since": "2026-01-05", "weight_kg": 81.5, "detail": "At home"}
    assert client.http.post(f"{record}/circumstances", json=changed).is_success
    archived = {"reason": "care_ended", "note": "by mistake"}
    assert client.http.post(f"{record}/archive", json=archived).is_success
    assert client.http.post(f"{record}/unarchive", json={}).is_success
    agreed = {"given_on": str(NOW.date()), "how": "in_writing"}
    transfer = {"to": "Riverside", "consent": agreed}
    assert client.http.post(f"{record}/transfers", json=transfer).is_success


def recorded(client: ClinicClient, patient: str) -> dict[str, str]:
    """Give the ids of one of each thing on a patient's record."""
    of = {
        "course_id": "courses",
        "infusion_id": "infusions",
        "choice_id": "references",
        "circumstance_id": "circumstances",
        "appointment_id": "appointments",
        "transfer_id": "transfers",
    }
    record = f"/v1/patients/{patient}"
    return {name: client.http.get(f"{record}/{path}").json()["items"][0]["id"] for name, path in of.items()}


def describe_and_score(client: ClinicClient, patient: str) -> str:
    """Give the clinic a separate scale, and the patient a total on it; gives its form's id."""
    scale = {
        "name": "Own", "minimum": 0, "maximum": 10, "higher_is_better": True, "remission": 8, "relapse": 3
    }  # fmt: skip
    assert client.http.post("/v1/scales", json={"scales": {"own": scale}}).status_code == 201
    form = {"scale": "own", "taken_at": (NOW - timedelta(days=1)).isoformat(), "total": 7}
    path, once = f"/v1/patients/{patient}/assessments", {"idempotency-key": str(new_id())}
    kept = client.http.post(path, json=form, headers=once)
    assert kept.status_code == 201, kept.text
    for correction in ("void", "restore"):
        reply = client.http.post(f"{path}/{kept.json()['id']}/{correction}", json={"reason": "a reason"})
        assert reply.status_code == 200, reply.text
    return str(kept.json()["id"])


def sign_in_everywhere(service: Service, member: JoinedMember) -> None:
    """Have a member set a passkey up, sign in on a device, and be guessed at from elsewhere."""
    browser = PlainBrowser(service.url)
    browser.cookies[SESSION_COOKIE] = member.session
    assert set_up_passkey(browser, Authenticator("https://afterglow.test")).status_code == 303
    assert member.sign_in(service, code=member.code(service, steps=1)).status_code == 201
    assert member.sign_in(service, password="something else").status_code == 401  # noqa: S106 - it is wrong
