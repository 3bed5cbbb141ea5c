"""What was in the tables before an upgrade means the same, or more, after it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from app.storage.engine.migrating import APPLICATION_ROLE, check_schema, migrate
from app.storage.engine.migration_steps import PatientKeysKeptError
from tests.storage.catalogue import ask, objects_outside_the_system
from tests.support.databases import Cluster, DatabaseUrls

REPORTED = datetime(2026, 11, 3, 18, 0, tzinfo=UTC)
# What a patient's row has since migration 0021.
ZONE_OF_TODAY = {"time_zone_canonical": "Europe/Berlin"}


@pytest.fixture
def database_before(cluster: Cluster) -> Iterator[DatabaseUrls]:
    """A database as it was before safety events had a clock."""
    with cluster.database(migrated=False) as made:
        migrate(made.owner_url, application_role=APPLICATION_ROLE, to="0008")
        yield made


def insert(connection: psycopg.Connection, table: str, **values: object) -> None:
    names, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", values)  # noqa: S608 - the test's own names


def clinic_with_patient(connection: psycopg.Connection, **more: object) -> tuple[UUID, UUID]:
    """Insert both, with what the tables of the version in question have more."""
    clinic, patient = uuid4(), uuid4()
    insert(connection, "front_desk.clinics", id=clinic, state="open", created_at=REPORTED)
    insert(
        connection,
        "care.patients",
        clinic_id=clinic,
        id=patient,
        external_ref_index=b"i",
        external_ref_sealed=b"s",
        time_zone="Europe/Berlin",
        locale="en",
        mode="test",
        registered_at=REPORTED,
        version=1,
        **more,
    )
    return clinic, patient


def test_a_safety_event_that_waits_at_the_upgrade_is_escalated_when_its_time_is_over(
    database_before: DatabaseUrls,
) -> None:
    with psycopg.connect(database_before.superuser_url) as connection:
        clinic, patient = clinic_with_patient(connection)
        for urgent, state in ((True, "open"), (False, "open"), (True, "closed")):
            insert(
                connection,
                "care.safety_events",
                clinic_id=clinic,
                id=uuid4(),
                patient_id=patient,
                source="check_in",
                source_id=uuid4(),
                urgent=urgent,
                state=state,
                received_at=REPORTED,
                version=1,
            )

    migrate(database_before.owner_url, application_role=APPLICATION_ROLE)

    with psycopg.connect(database_before.superuser_url) as connection:
        found = connection.execute(
            "SELECT urgent, state, escalate_at, escalations FROM care.safety_events ORDER BY state, urgent"
        ).fetchall()
    assert found == [
        (True, "closed", None, 0),
        (False, "open", REPORTED + timedelta(hours=4), 0),
        (True, "open", REPORTED + timedelta(minutes=30), 0),
    ]


def test_a_key_that_might_do_everything_still_may_and_a_narrow_one_does_not_grow(
    database_before: DatabaseUrls,
) -> None:
    everything = ["clinic", "patients", "treatment", "check_ins", "signals", "safety", "webhooks"]
    with psycopg.connect(database_before.superuser_url) as connection:
        clinic, _ = clinic_with_patient(connection)
        for name, scopes in (("first", everything), ("narrow", everything[:-1])):
            insert(
                connection,
                "care.api_keys",
                clinic_id=clinic,
                id=uuid4(),
                name=name,
                digest=name.encode(),
                scopes=scopes,
                created_at=REPORTED,
            )

    migrate(database_before.owner_url, application_role=APPLICATION_ROLE)

    with psycopg.connect(database_before.superuser_url) as connection:
        found = connection.execute("SELECT name, scopes FROM care.api_keys ORDER BY name").fetchall()
    assert found == [("first", [*everything, "api_keys", "insights"]), ("narrow", everything[:-1])]


def key_for_a_patient(own_database: DatabaseUrls, **more: object) -> None:
    with psycopg.connect(own_database.superuser_url) as connection:
        clinic, patient = clinic_with_patient(connection, **more)
        insert(
            connection,
            "care.patient_keys",
            clinic_id=clinic,
            patient_id=patient,
            wrapped_key=b"w",
            made_at=REPORTED,
        )


def test_no_way_down_takes_a_patients_key_away_and_a_refused_one_changes_nothing(
    own_database: DatabaseUrls,
) -> None:
    key_for_a_patient(own_database, **ZONE_OF_TODAY)
    before = objects_outside_the_system(own_database.superuser_url)

    with pytest.raises(PatientKeysKeptError, match="restore the backup from before the upgrade"):
        migrate(own_database.owner_url, application_role=APPLICATION_ROLE, to="base")

    assert objects_outside_the_system(own_database.superuser_url) == before
    check_schema(own_database.application_url)
    assert len(ask(own_database.owner_url, "SELECT FROM care.patient_keys")) == 1


def test_the_steps_above_the_keys_can_be_taken_down_while_patients_have_them(
    database_before: DatabaseUrls,
) -> None:
    key_for_a_patient(database_before)
    migrate(database_before.owner_url, application_role=APPLICATION_ROLE, to="0007")
    assert len(ask(database_before.owner_url, "SELECT FROM care.patient_keys")) == 1


def test_without_any_patients_key_the_way_down_is_open(database_before: DatabaseUrls) -> None:
    with psycopg.connect(database_before.superuser_url) as connection:
        clinic_with_patient(connection)
    migrate(database_before.owner_url, application_role=APPLICATION_ROLE, to="0006")
    assert ask(database_before.owner_url, "SELECT to_regclass('care.patient_keys') AS found") == [
        {"found": None}
    ]


def test_going_back_leaves_the_messages_that_the_version_before_can_read(cluster: Cluster) -> None:
    with cluster.database(migrated=False) as own_database:
        migrate(own_database.owner_url, application_role=APPLICATION_ROLE)
        with psycopg.connect(own_database.superuser_url) as connection:
            clinic, _ = clinic_with_patient(connection, **ZONE_OF_TODAY)
            channel = uuid4()
            for way, wording, notice in (
                ("email", "sign_in_link", None),
                ("email", "look_now", channel),
                ("slack", "look_at_worklist", channel),
                ("email", "notice_channel_ended", None),
            ):
                insert(
                    connection,
                    "care.outgoing_messages",
                    clinic_id=clinic,
                    id=uuid4(),
                    channel=way,
                    wording=wording,
                    locale="en",
                    mode="live",
                    urgent=False,
                    state="pending",
                    queued_at=REPORTED,
                    attempts=0,
                    next_attempt_at=REPORTED,
                    notice_channel_id=notice,
                )

        migrate(own_database.owner_url, application_role=APPLICATION_ROLE, to="0013")

        with psycopg.connect(own_database.superuser_url) as connection:
            found = connection.execute("SELECT channel, wording FROM care.outgoing_messages").fetchall()
            assert found == [("email", "sign_in_link")]
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute("UPDATE care.outgoing_messages SET channel = 'slack'")
        migrate(own_database.owner_url, application_role=APPLICATION_ROLE)


def test_what_was_done_to_signals_so_far_is_in_their_history(database_before: DatabaseUrls) -> None:
    with psycopg.connect(database_before.superuser_url) as connection:
        clinic, patient = clinic_with_patient(connection)
        signal = uuid4()
        insert(
            connection,
            "care.signals",
            clinic_id=clinic,
            id=signal,
            patient_id=patient,
            state="closed",
            level="consider_booster",
            ground="gain_lost",
            grounds=["gain_lost"],
            raised_at=REPORTED,
            raised_on=REPORTED.date(),
            decision=Jsonb({}),
            latest=Jsonb({}),
            explanation="",
            closed_at=REPORTED + timedelta(hours=2),
            disposition="not_a_relapse",
            version=3,
        )
        for hours, action in enumerate(
            ("signal.raised", "signal.acknowledged", "signal.closed", "signal.read")
        ):
            insert(
                connection,
                "care.audit_events",
                clinic_id=clinic,
                id=uuid4(),
                at=REPORTED + timedelta(hours=hours),
                actor_kind="system",
                action=action,
                subject_kind="signal",
                subject_id=signal,
                patient_id=patient,
            )

    migrate(database_before.owner_url, application_role=APPLICATION_ROLE)

    with psycopg.connect(database_before.superuser_url) as connection:
        found = connection.execute(
            "SELECT action, disposition, patient_id = %s FROM care.alert_steps ORDER BY at", [patient]
        ).fetchall()
    assert found == [
        ("signal.raised", None, True),
        ("signal.acknowledged", None, True),
        ("signal.closed", "not_a_relapse", True),
    ]


# as an answer was stored before the field's words, and after
WORDS_BEFORE = {
    "grounds": [
        {"ground": "one_channel", "reasons": [{"code": "channel_lost_enough", "facts": {"channel": "mood"}}]}
    ],
    "notes": [
        {"code": "would_have_changed"},
        {"code": "nothing_would_have_changed"},
        {"code": "channel_off"},
    ],
    "held_back": [{"code": "totals", "facts": {"code": "below_line", "line": 12.0}}],
    "exposure": {"benefits": [24]},
    "version": "1.0, channel_least_days_sparse=2, benefit_weight=2",
}
WORDS_AFTER = {
    "criteria": [
        {"criterion": "one_domain", "reasons": [{"code": "domain_lost_enough", "facts": {"domain": "mood"}}]}
    ],
    "notes": [{"code": "counterfactual"}, {"code": "no_counterfactual"}, {"code": "domain_off"}],
    "suppressed_by": [{"code": "totals", "facts": {"code": "below_threshold", "threshold": 12.0}}],
    "exposure": {"response_durations": [24]},
    "version": "1.0, domain_least_days_sparse=2, response_duration_weight=2",
}


def test_a_decision_stored_in_earlier_words_reads_in_the_fields_words_and_back(cluster: Cluster) -> None:
    with cluster.database(migrated=False) as database:
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0019")
        with psycopg.connect(database.superuser_url) as connection:
            clinic, patient = clinic_with_patient(connection)
            insert(
                connection,
                "care.signals",
                clinic_id=clinic,
                id=uuid4(),
                patient_id=patient,
                state="open",
                level="consider_booster",
                ground="one_channel",
                grounds=["one_channel", "gain_lost"],
                raised_at=REPORTED,
                raised_on=REPORTED.date(),
                decision=Jsonb(WORDS_BEFORE),
                latest=Jsonb(WORDS_BEFORE),
                explanation="",
                turn=1,
                known=Jsonb({}),
                version=1,
            )

        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0020")
        after = _stored_words(database, "criterion", "criteria")
        migrate(database.owner_url, application_role=APPLICATION_ROLE, to="0019")
        before = _stored_words(database, "ground", "grounds")

    assert after == ("one_domain", ["one_domain", "gain_lost"], WORDS_AFTER, WORDS_AFTER)
    assert before == ("one_channel", ["one_channel", "gain_lost"], WORDS_BEFORE, WORDS_BEFORE)


def _stored_words(database: DatabaseUrls, first: str, every: str) -> tuple[object, ...] | None:
    with psycopg.connect(database.superuser_url) as connection:
        return connection.execute(f"SELECT {first}, {every}, decision, latest FROM care.signals").fetchone()  # noqa: S608 - the test's own names
