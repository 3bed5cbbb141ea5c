"""``afterglow staff invite``: the first owner's link, a reset for one who lost everything, and plain refusals."""

from contextlib import ExitStack

import pytest

from tests.cli.command_line import afterglow_here, new_clinic, server_of
from tests.support.databases import in_memory, open_folder

pytestmark = pytest.mark.processes


def test_the_operator_lets_the_first_owner_in_and_again_after_a_loss() -> None:
    with open_folder(in_memory()) as folder, ExitStack() as running:
        data_dir = folder / "data"
        clinic = new_clinic(data_dir)["clinic_id"]
        running.enter_context(server_of(data_dir))

        def invite(*options: str, to: str = clinic, email: str = "ortega@clinic.example") -> tuple[int, str]:
            done = afterglow_here(
                "staff", "invite", "--clinic", to, "--name", "R. Ortega", "--email", email, *options,
                "--data-dir", str(data_dir),
            )  # fmt: skip
            return done.returncode, done.stdout + done.stderr

        first = invite("--role", "owner")
        again = invite("--role", "read_only", email="Ortega@Clinic.Example")
        nobody = invite(to="01a201b2-0000-7000-8000-000000000000")
        nowhere = invite(email="no address")

    assert first[0] == again[0] == 0, first[1] + again[1]
    links = [text.split()[1] for _, text in (first, again)]
    assert all("/care/join/agi_" in link for link in links)
    assert links[0] != links[1]
    assert "Role     owner" in again[1], "who is known keeps the role"
    assert nobody[0] == nowhere[0] == 1
    assert "There is no clinic with this id." in nobody[1]
    assert "email" in nowhere[1]
    assert "Traceback" not in nobody[1] + nowhere[1]
