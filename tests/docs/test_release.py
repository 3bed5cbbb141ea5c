"""A release's files: made by the README's own command, checked as the docs say a stranger checks them."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

from tests.cli.command_line import ROOT
from tests.docs.pages import block

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_files_are_made_signed_and_checked_as_the_docs_say(tmp_path: Path) -> None:
    key, folder = tmp_path / "key", tmp_path / "dist"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    made = ["make", "release", f"SIGN_WITH={key}", f"FOLDER={folder}"]
    subprocess.run(made, cwd=ROOT, check=True, capture_output=True)
    stem = f"afterglow-{VERSION}"
    files = {f"{stem}-py3-none-any.whl", f"{stem}.tar.gz", f"{stem}.cdx.json", "SHA256SUMS", "SHA256SUMS.sig"}
    assert {one.name for one in folder.iterdir()} == files

    lines = block("check-release")
    public = " ".join(key.with_suffix(".pub").read_text().split()[:2])
    check = ["sh", "-eu", "-c", lines.replace("ssh-ed25519 AAAA…", public)]
    assert subprocess.run(check, cwd=folder, check=False, capture_output=True).returncode == 0

    (folder / f"{stem}.tar.gz").write_bytes(b"another")
    assert subprocess.run(check, cwd=folder, check=False, capture_output=True).returncode != 0
    with (folder / "SHA256SUMS").open("a") as sums:
        sums.write("0  more\n")
    assert subprocess.run(check, cwd=folder, check=False, capture_output=True).returncode != 0


def test_the_inventory_names_every_package_that_is_installed_with_the_wheel(tmp_path: Path) -> None:
    uv = ROOT / ".venv/bin/uv"
    given = ["--quiet", "--frozen", "--no-dev"]
    inventory = tmp_path / "inventory.json"
    sbom = [*given, "--format", "cyclonedx1.5", "--preview-features", "sbom-export"]
    subprocess.run([uv, "export", *sbom, "--output-file", inventory], cwd=ROOT, check=True)
    named = {(one["name"], one["version"]) for one in json.loads(inventory.read_text())["components"]}
    locked = subprocess.run(
        [uv, "export", *given, "--no-emit-project", "--no-hashes", "--no-annotate", "--no-header"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert set(re.findall(r"^([a-z0-9._-]+)==(\S+)", locked, re.MULTILINE)) <= named
