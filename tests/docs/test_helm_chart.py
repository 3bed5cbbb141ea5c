"""The Helm chart renders by Helm's own library, and what comes out is sound by Kubernetes' own schema."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.cli.children import setting_names
from app.cli.commands import COMMANDS
from tests.cli.command_line import ROOT, plain_environment

pytestmark = pytest.mark.processes

CHART = ROOT / "deploy" / "helm"
# Run by uvx, apart from our own environment: the library brings Helm with it as a native one.
RENDER = """
import json, sys
import kubernetes_validate, yaml
from helm_python import Chart
with Chart.load(sys.argv[1]) as chart:
    rendered = chart.render(values=json.loads(sys.argv[2]), name="clinic")
manifests = [one for text in rendered.values() for one in yaml.safe_load_all(text) if one]
for one in manifests:
    kubernetes_validate.validate(one, "1.31", strict=True)
json.dump(manifests, sys.stdout)
"""


def rendered(**values: object) -> dict[str, dict[str, Any]]:
    """The manifests with these values, by kind and name, each held to the schema."""
    uvx = Path(sys.executable).with_name("uvx")
    tools = ("--from", "helm-python-sdk==0.2.2", "--with", "kubernetes-validate", "--with", "pyyaml")
    done = subprocess.run(
        [uvx, "--quiet", *tools, "python", "-c", RENDER, str(CHART), json.dumps(values)],
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {f"{one['kind']} {one['metadata']['name']}": one for one in json.loads(done.stdout)}


def containers(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    spec = manifest["spec"]
    while "template" in spec or "jobTemplate" in spec:
        spec = (spec.get("template") or spec["jobTemplate"])["spec"]
    return list(spec.get("containers", ()))


def test_the_chart_names_settings_and_commands_that_exist_and_keeps_the_owner_apart() -> None:
    manifests = rendered(settings={"AFTERGLOW_MAIL_FROM": "a@clinic.example"})
    assert set(manifests) == {
        "Deployment clinic-api",
        "Deployment clinic-worker",
        "Service clinic",
        "PodDisruptionBudget clinic-api",
        "Job clinic-upgrade",
        "PersistentVolumeClaim clinic-backups",
        "CronJob clinic-backup",
    }
    known = {*setting_names().values(), "FORWARDED_ALLOW_IPS"}
    owners = set()
    for name, manifest in manifests.items():
        for one in containers(manifest):
            assert {setting["name"] for setting in one.get("env", ())} <= known, name
            for command in re.findall(r"afterglow ([a-z][a-z-]*)", " ".join(one["command"])):
                assert command in COMMANDS, name
            if any(source["secretRef"]["name"] == "afterglow-owner" for source in one["envFrom"]):
                owners.add(name)
    assert owners == {"Job clinic-upgrade", "CronJob clinic-backup"}
    # The upgrade is done before anything of the new version starts.
    hook = manifests["Job clinic-upgrade"]["metadata"]["annotations"]["helm.sh/hook"]
    assert hook == "pre-install,pre-upgrade"


def test_without_backups_no_claim_and_no_cron_job_are_made() -> None:
    kinds = {name.split()[0] for name in rendered(backup={"enabled": False})}
    assert kinds == {"Deployment", "Service", "PodDisruptionBudget", "Job"}
