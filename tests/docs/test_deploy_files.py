"""The files in `deploy` do what they say: proxies with their limits, units, timers and the compose file."""

import grp
import os
import pwd
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
import yaml

from app.cli.children import setting_names
from app.cli.commands import COMMANDS
from tests.cli.command_line import ROOT
from tests.docs.pages import blocks
from tests.docs.test_sessions import free_port
from tests.support.certificates import certificate_for
from tests.support.databases import open_folder
from tests.support.debian_programs import debian_program
from tests.support.processes import wait_until

pytestmark = pytest.mark.processes

DEPLOY = ROOT / "deploy"
# Of the images and of uvicorn, beside our own settings.
OTHERS = {
    "FORWARDED_ALLOW_IPS",
    "POSTGRES_PASSWORD",
    "OWNER_PASSWORD",
    "APP_PASSWORD",
    "HOST_NAME",
    "UPSTREAM",
}
MEGABYTE = 1_000_000


@dataclass
class Upstream:
    """What stands where `afterglow serve` would, and keeps what the proxy hands on."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)
    length: int = 0


@contextmanager
def upstream() -> Iterator[Upstream]:
    class Keeper(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.headers = {name.lower(): value for name, value in self.headers.items()}
            kept.length = len(body)
            self.send_response(204)
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the base class's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Keeper) as server:
        kept = Upstream(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def running(command: list[str | Path], url: str, **environment: str) -> Iterator[None]:
    """Run a proxy until the end of the block."""
    with subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL) as process:
        try:
            assert wait_until(lambda: listens(url), 20), f"{command[0]} does not start"
            yield
        finally:
            process.terminate()


def listens(url: str) -> bool:
    try:
        httpx2.post(url, content=b"x", verify=False)
    except httpx2.TransportError:
        return False
    return True


def hands_on_what_it_should(url: str, kept: Upstream) -> None:
    """A caller cannot name another address; what the service may hear gets through; more than that does not."""
    with httpx2.Client(verify=False, timeout=60) as http:
        said = http.post(f"{url}/v1/x", content=b"x", headers={"x-forwarded-for": "203.0.113.9"})
        assert said.status_code == 204
        assert kept.headers["x-forwarded-for"] == "127.0.0.1"
        assert kept.headers["x-forwarded-proto"] == url.partition(":")[0]
        assert http.post(f"{url}/p/check-in", content=bytes(20 * MEGABYTE)).status_code == 204
        assert kept.length == 20 * MEGABYTE
        refused = http.post(f"{url}/p/check-in", content=bytes(23 * MEGABYTE))
        # Caddy 2.6 hands on the beginning, and says 502 where a later one says 413.
        assert refused.status_code in {413, 502}
        assert kept.length <= 21 * MEGABYTE


def test_caddys_file_is_sound_and_hands_on_what_it_should() -> None:
    caddy, file = debian_program("caddy", "caddy"), DEPLOY / "caddy" / "Caddyfile"
    with open_folder() as folder, upstream() as kept:
        places = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
        for host in ("afterglow.example.org", "localhost"):
            checked = subprocess.run(
                [caddy, "validate", "--adapter", "caddyfile", "--config", file],
                env=os.environ | places | {"HOST_NAME": host},
                capture_output=True,
                text=True,
                check=False,
            )
            assert checked.returncode == 0, checked.stderr
        url = f"http://127.0.0.1:{free_port()}"
        with running(
            [caddy, "run", "--adapter", "caddyfile", "--config", file],
            url,
            HOST_NAME=url,
            UPSTREAM=f"127.0.0.1:{kept.port}",
            **places,
        ):
            hands_on_what_it_should(url, kept)


def test_nginxs_file_is_sound_and_hands_on_what_it_should() -> None:
    nginx, port = debian_program("nginx", "nginx"), free_port()
    with open_folder() as folder, upstream() as kept:
        certificate_for(folder, "localhost")
        site = (DEPLOY / "nginx" / "afterglow.conf").read_text()
        site = re.sub(r"^ *listen (80|\[::\]:\d+)\b.*\n", "", site, flags=re.MULTILINE)
        site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
        site = site.replace("server 127.0.0.1:8000;", f"server 127.0.0.1:{kept.port};")
        # Key and certificate are in one file.
        site = re.sub(r"/etc/letsencrypt\S+\.pem", f"{folder}/receiver.pem", site)
        # The server that only sends on to TLS needs some address too.
        site = site.replace(
            "server {\n    server_name", f"server {{\n    listen 127.0.0.1:{free_port()};\n    server_name", 1
        )
        (folder / "site.conf").write_text(site)
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        account = (
            f"user {pwd.getpwuid(os.geteuid()).pw_name} {grp.getgrgid(os.getegid()).gr_name};"
            if os.geteuid() == 0
            else ""
        )
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; error_log stderr; {account} events {{}}\n"
            f"http {{ access_log off; {temporary} include {folder}/site.conf; }}\n"
        )
        command: list[str | Path] = [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        url = f"https://127.0.0.1:{port}"
        with running(command, url):
            hands_on_what_it_should(url, kept)


def test_the_units_are_sound_and_run_commands_that_exist() -> None:
    units = sorted((DEPLOY / "systemd").iterdir())
    assert len(units) == 6
    program = Path(sys.executable).with_name("afterglow")
    with open_folder() as folder:
        for unit in units:
            text = unit.read_text()
            for words in re.findall(r"^ExecStart=/opt/afterglow/bin/afterglow (.+)$", text, re.MULTILINE):
                assert words.split()[0] in COMMANDS
            (folder / unit.name).write_text(text.replace("/opt/afterglow/bin/afterglow", str(program)))
        checked = subprocess.run(
            ["systemd-analyze", "verify", *(str(folder / unit.name) for unit in units)]
            if shutil.which("systemd-analyze")
            else [debian_program("systemd", "systemd-analyze"), "verify"],
            capture_output=True,
            text=True,
            check=False,
        )
        about_ours = [line for line in checked.stderr.splitlines() if "afterglow" in line]
        assert about_ours == [], checked.stderr
        for when in ("*-*-* 02:30:00", "Sun *-*-* 04:30:00"):
            assert any(f"OnCalendar={when}" in unit.read_text() for unit in units)


def test_the_compose_file_names_settings_and_commands_that_exist() -> None:
    said = yaml.safe_load((DEPLOY / "compose.yml").read_text())
    services = said["services"]
    assert set(services) == {"database", "upgrade", "api", "worker", "backup", "proxy"}
    known = set(setting_names().values()) | OTHERS
    for name, service in services.items():
        assert set(service.get("environment", ())) <= known, name
        words = " ".join(service.get("command", ()))
        for command in re.findall(r"afterglow ([a-z][a-z-]*)", words):
            assert command in COMMANDS, command
    # Only what makes backups and upgrades can reach the tables as their owner.
    owners = {name for name, one in services.items() if "AFTERGLOW_OWNER_URL" in one.get("environment", {})}
    assert owners == {"upgrade", "backup"}
    asked = set(re.findall(r"\$\{([A-Z_]+):\?\}", (DEPLOY / "compose.yml").read_text()))
    given = set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "compose.env.example").read_text(), re.MULTILINE))
    assert asked == given


def test_the_compose_files_roles_are_those_of_the_page() -> None:
    (page,) = [one.text for one in blocks() if one.label == "two-roles"]
    script = (DEPLOY / "compose-roles.sh").read_text()
    ours = script.split("<<'SQL'\n")[1].split("SQL\n")[0]
    ours = ours.replace(":'owner'", "'OWNER-PASSWORD'").replace(":'app'", "'APP-PASSWORD'")
    assert ours.strip() == page.strip()
