"""``afterglow demo``: the main job on a synthetic clinic, over real HTTP, with a real receiver."""

import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Annotated, Final

import httpx2
import typer

from app.cli.children import Group, child_environment
from app.cli.clinic_commands import open_new_clinic
from app.cli.demo_clinic import (
    ASKS,
    FADING,
    IN_INDUCTION,
    PATIENTS,
    DemoClinic,
    ServiceRefusedError,
    is_ready,
)
from app.cli.demo_receiver import DemoReceiver, EventMissingError, running_receiver
from app.cli.demo_screen import DemoScreen
from app.cli.options import Guard, Port
from app.cli.runtime import KEY_FILE, open_runtime
from app.foundation.errors import OperatorError
from app.foundation.vault import load_or_make_key_file
from app.settings import Settings
from app.storage.engine.embedded.folders import prepare_data_dir

LOG_NAME: Final = "demo.log"
WAIT_SECONDS: Final = 60.0
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOPBACK: Final = "127.0.0.0/8"


class NotReadyError(RuntimeError):
    """The service did not become ready within {seconds} seconds."""

    def __init__(self, seconds: float) -> None:
        """Name the time that was waited."""
        super().__init__((self.__doc__ or "").format(seconds=round(seconds)))


def demo_settings(folder: Path, port: int) -> Settings:
    """Give settings of the demo's own; nothing of the environment's."""
    return Settings(
        database_url=None,
        owner_url=None,
        encryption_key=None,
        data_dir=folder,
        host="127.0.0.1",
        port=port,
        metrics_port=None,
        public_url="",
        webhook_allow=_LOOPBACK,
        retry_speedup=1,
    )


@contextmanager
def data_folder(named: Path | None) -> Iterator[Path]:
    """Give the named folder, or one of our own that is removed unless something failed."""
    folder = named.expanduser().resolve() if named else Path(tempfile.mkdtemp(prefix="afterglow-demo-"))
    prepare_data_dir(folder)
    # Made here, so that nobody is asked to back up the key of a synthetic clinic.
    load_or_make_key_file(folder / KEY_FILE)
    (folder / LOG_NAME).touch(mode=0o600)
    try:
        yield folder
    except Exception:
        raise
    except BaseException:
        _remove(folder, named)
        raise
    _remove(folder, named)


def _remove(folder: Path, named: Path | None) -> None:
    if named is None:
        shutil.rmtree(folder, ignore_errors=True)


def await_ready(url: str) -> None:
    """Wait until the service says that it is ready.

    Raises:
        NotReadyError: it does not.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_ready(url):
        if time.monotonic() > deadline:
            raise NotReadyError(WAIT_SECONDS)
        time.sleep(0.1)


def free_port() -> int:
    """Give a port that nobody uses just now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def end_on_signals() -> None:
    """Let Ctrl-C, a hang-up and a request to end stop what was started, in peace."""
    for number in _ENDING:
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: object) -> None:
    # Once only: what was started has to be stopped and removed in peace.
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


_PAUSE_SECONDS: Final = 0.35
_INTERRUPTED: Final = 130


class DemoFailedError(OperatorError):
    """{reason} What the service wrote is in {log}."""

    def __init__(self, reason: object, log: Path) -> None:
        """Say what went wrong and where to read more."""
        super().__init__((self.__doc__ or "").format(reason=reason, log=log))


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the command."""
    app.command("demo")(guard(demo))


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the verified webhook.")] = False,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Keep the data here; else a folder that is removed.")
    ] = None,
    port: Port = None,
) -> None:
    """Show the main job on a synthetic clinic."""
    run(once=once, data_dir=data_dir, port=port)


def run(*, once: bool, data_dir: Path | None, port: int | None) -> None:
    """Show the main job, then stay up until Ctrl-C (or end, with ``once``).

    Neither the environment's database nor its data folder is used: nothing synthetic gets among patients.

    Raises:
        DemoFailedError: the service did not do what it should; says what, and names the log.
    """
    end_on_signals()
    screen = DemoScreen()
    screen.title()
    try:
        with data_folder(data_dir) as folder:
            _run_logged(screen, folder, port=port or free_port(), once=once)
    except KeyboardInterrupt:
        screen.note("\nStopped.")
        if once:
            sys.exit(_INTERRUPTED)


def _run_logged(screen: DemoScreen, folder: Path, *, port: int, once: bool) -> None:
    log = folder / LOG_NAME
    try:
        with log.open("ab") as stream:
            _run(screen, folder, stream, port=port, once=once)
    except httpx2.HTTPError as error:
        raise DemoFailedError(f"The service does not answer ({type(error).__name__}).", log) from error
    except (NotReadyError, ServiceRefusedError, EventMissingError) as error:
        raise DemoFailedError(error, log) from error


def _run(screen: DemoScreen, folder: Path, log: IO[bytes], *, port: int, once: bool) -> None:
    settings = demo_settings(folder, port)
    url, began = settings.links_start_with, time.monotonic()
    with ExitStack() as running:
        receiver = running.enter_context(running_receiver())
        with screen.waiting("Starting PostgreSQL, the API and the worker …"):
            runtime = running.enter_context(open_runtime(settings))
            opened = open_new_clinic(runtime, settings, name="Lakeside Ketamine Clinic (demo)")
            running.enter_context(Group(child_environment(settings), log=log).in_background())
            await_ready(url)
        version = runtime.binaries.version if runtime.binaries else "elsewhere"
        screen.done(f"PostgreSQL {version}, API and worker run", f"{time.monotonic() - began:.1f} s")
        clinic = running.enter_context(DemoClinic(url, opened.api_key))
        signal_id = _show(screen, clinic, receiver, hurried=once or not screen.watched)
        if not once:
            screen.heading("See it as the care team does: join in a browser, with an authenticator app")
            screen.to_copy([f"  {clinic.invite_owner()}"])
            _stay(screen, receiver, url=url, key=opened.api_key, signal_id=signal_id)


def _show(screen: DemoScreen, clinic: DemoClinic, receiver: DemoReceiver, *, hurried: bool) -> str:
    """Show the story in four parts; gives the id of the signal."""
    now = datetime.now(UTC)
    _connect(screen, clinic, receiver)
    ids = _bring_along(screen, clinic, now)
    signal_id = _fade(screen, clinic, receiver, ids[FADING.reference], now, hurried=hurried)
    _state_harm(screen, clinic, receiver, ids[IN_INDUCTION.reference], now)
    return signal_id


def _connect(screen: DemoScreen, clinic: DemoClinic, receiver: DemoReceiver) -> None:
    endpoint_id, secret = clinic.add_endpoint(receiver.url)
    receiver.trust(secret)
    clinic.send_test_event(endpoint_id)
    receiver.wait_for("endpoint.test", within=WAIT_SECONDS)
    screen.done(f"Webhook endpoint {receiver.url}", "test event verified")


def _bring_along(screen: DemoScreen, clinic: DemoClinic, now: datetime) -> dict[str, str]:
    ids, count = {}, 0
    with screen.waiting("Bringing patients along …"):
        for story in PATIENTS:
            ids[story.reference], brought = clinic.bring_along(story, now)
            count += brought
        phone = clinic.enrol(ids[ASKS.reference])
        for at, scores in ASKS.sent_by_phone(now):
            phone.check_in(at, scores, asks_about_booster=True)
    screen.done(f"{len(ids)} patients with {count} past check-ins are imported")
    screen.heading("How the patients are")
    screen.patients([(story, clinic.evaluation(ids[story.reference])) for story in PATIENTS[:-1]])
    return ids


def _fade(
    screen: DemoScreen,
    clinic: DemoClinic,
    receiver: DemoReceiver,
    patient_id: str,
    now: datetime,
    *,
    hurried: bool,
) -> str:
    story = FADING
    screen.heading(f"{story.reference}, {story.where}, now checks in by phone, day by day")
    phone = clinic.enrol(patient_id)
    crossed = None
    for at, scores in story.sent_by_phone(now):
        sent = time.monotonic()
        kept = phone.check_in(at, scores)
        evaluation = clinic.evaluation(patient_id)
        if evaluation["level"] == "consider_booster":
            crossed = crossed or sent
        screen.day(date.fromisoformat(kept["check_in_day"]), scores, evaluation)
        time.sleep(0 if hurried else _PAUSE_SECONDS)
    with screen.waiting("Waiting for the webhook …"):
        arrived = receiver.wait_for("signal.raised", patient_id=patient_id, within=WAIT_SECONDS)
    screen.heading("The clinic's receiver is notified: ids, codes and a link")
    screen.event(arrived.event, seconds=arrived.at - (crossed or arrived.at))
    signal_id = str(arrived.event["data"]["signal_id"])
    screen.heading("It fetches the reasons with its key; this is what the care team reads")
    screen.explanation(clinic.signal(signal_id)["explanation"], f"GET /v1/signals/{signal_id}")
    return signal_id


def _state_harm(
    screen: DemoScreen, clinic: DemoClinic, receiver: DemoReceiver, patient_id: str, now: datetime
) -> None:
    story = IN_INDUCTION
    screen.heading(f'{story.reference}, {story.where}, ticks "I am thinking about harming myself"')
    phone = clinic.enrol(patient_id)
    sent = time.monotonic()
    reply = phone.check_in(now, self_harm_thoughts=True)
    answered = time.monotonic()
    screen.crisis_help(reply["crisis_help"], milliseconds=(answered - sent) * 1000)
    arrived = receiver.wait_for("safety.reported", patient_id=patient_id, within=WAIT_SECONDS)
    screen.done(
        f"safety.reported arrived after {arrived.at - sent:.1f} s", "verified, ahead of everything else"
    )


def _stay(screen: DemoScreen, receiver: DemoReceiver, *, url: str, key: str, signal_id: str) -> None:
    screen.heading("Try it; events that follow show up here")
    call = 'curl -s -H "Authorization: Bearer $KEY"'
    screen.to_copy(
        [
            f"  KEY={key}",
            f"  {call} {url}/v1/patients",
            f"  {call} {url}/v1/signals",
            f"  {call} {url}/v1/safety-events",
            f"  {call} -X POST {url}/v1/signals/{signal_id}/close \\",
            "    -H 'Content-Type: application/json' -d '{\"disposition\": \"booster_given\"}'",
            f"  curl -s {url}/v1/openapi.json",
        ]
    )
    screen.note("Ctrl-C ends it.")
    shown = len(receiver.events())
    while True:
        time.sleep(0.2)
        for arrived in receiver.events()[shown:]:
            screen.arrived(arrived.event)
            shown += 1
