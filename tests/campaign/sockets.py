"""Bodies that are begun and never finished: they are heard, and hold nobody else up."""

import json
import socket
import statistics
import time
from urllib.parse import urlsplit

from tests.campaign.figures import Figures, Options
from tests.campaign.load import disclosures_of, load_of
from tests.support.people import PatientClient
from tests.support.processes import running_dev, temporary_data_dir, wait_until


def half_sent_bodies(options: Options) -> Figures:
    """Begin many bodies of one clinic's patients; another clinic goes on, and each begun disclosure is kept."""
    with temporary_data_dir() as data_dir, running_dev(data_dir, AFTERGLOW_MOST_CONNECTIONS="5000") as dev:
        attacked, other = dev.clinic("Attacked"), dev.clinic("Other")
        slow = attacked.enrol(attacked.patient(), dev.url)
        load = load_of(other, dev.url, phones=3, seed=options.seed)
        begun = [_begin(dev.url, slow, number) for number in range(options.sockets)]
        load.start()
        ready = []
        for _ in range(20):
            time.sleep(1)
            ready.append(dev.is_ready())
        load.stop()
        for one in begun:
            one.close()
        heard = wait_until(lambda: disclosures_of(attacked, slow.patient_id) >= options.sockets, 300, pause=2)
        kept = disclosures_of(attacked, slow.patient_id)
        lost = load.lost()
        seconds = [one for phone in load.phones for one in phone.seconds]
        failed = sum(phone.statuses[status] for phone in load.phones for status in (0, 500, 503))
        attacked.close()
        other.close()
    return Figures(
        lost=(0 if heard else options.sockets - kept) + lost,
        said=f"{options.sockets} half-sent, {kept} heard; another clinic meanwhile: {failed} of {len(seconds)}"
        f" requests failed,"
        f" median {statistics.median(seconds) * 1000:.0f} ms, at most {max(seconds) * 1000:.0f} ms;"
        f" ready {sum(ready)} of {len(ready)} times",
    )


def _begin(url: str, phone: PatientClient, number: int) -> socket.socket:
    where = urlsplit(url)
    connection = socket.create_connection((where.hostname or "", where.port or 80), timeout=30)
    body = json.dumps({"self_harm_thoughts": True, "number": number, "note": ""})[:-2]
    head = (
        f"PUT /v1/check-ins/{number} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {phone.access_token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body) + 5000}\r\n\r\n"
    )
    connection.sendall((head + body).encode())
    return connection
