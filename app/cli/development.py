"""``afterglow dev``: database, API and worker together, each in a separate process, in one group."""

from app.cli.children import Group, child_environment, metrics_ports, run_until_stopped
from app.cli.runtime import open_runtime
from app.settings import Settings


def run(settings: Settings) -> None:
    """Run everything until SIGTERM or SIGINT."""
    with open_runtime(settings) as runtime:
        ports = metrics_ports(settings, first=0, count=2)
        group = Group(child_environment(settings), runtime=runtime, metrics_ports=ports)
        run_until_stopped(group)
