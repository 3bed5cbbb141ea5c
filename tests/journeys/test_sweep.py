"""The sweep of a worker: what is broken in one clinic keeps no other clinic waiting."""

from datetime import timedelta

import psycopg

from tests.support.clinics import name_contacts
from tests.support.ground import Place
from tests.support.people import clinic_client
from tests.support.service import NOW, running_service


def test_a_clinic_whose_sweep_fails_does_not_keep_the_next_one_waiting(place: Place) -> None:
    with running_service(place.application_url, work=False) as service:
        broken, next_one = clinic_client(service, "Broken"), clinic_client(service, "Next")
        for clinic in (broken, next_one):
            name_contacts(clinic)
            phone = clinic.enrol(clinic.patient(), service.url)
            assert phone.check_in(NOW, self_harm_thoughts=True).status_code == 201
            phone.http.close()
        with psycopg.connect(place.superuser_url) as connection:
            connection.execute(
                "UPDATE care.clinic_profiles SET second_contact_sealed = 'x' WHERE clinic_id = %s",
                [broken.clinic_id],
            )

        service.clock.move_to(NOW + timedelta(hours=30))
        service.run(service.worker.sweep())

        (not_escalated,) = broken.http.get("/v1/safety-events").json()["items"]
        (event,) = next_one.http.get("/v1/safety-events").json()["items"]
        assert broken.clinic_id < next_one.clinic_id, "the broken one came first"
        assert (not_escalated["escalations"], event["escalations"]) == (0, 1)
        broken.close()
        next_one.close()
