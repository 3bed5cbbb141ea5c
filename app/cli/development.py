"""``afterglow dev``: database, API and worker together, each in a separate process, in one group."""

import signal
from types import FrameType

from app.cli.children import Group, child_environment
from app.cli.runtime import open_runtime
from app.settings import Settings


def run(settings: Settings) -> None:
    """Run everything until SIGTERM or SIGINT."""
    with open_runtime(settings) as runtime:
        group = Group(child_environment(settings), runtime=runtime)

        def stop(_number: int, _frame: FrameType | None) -> None:
            group.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        group.run()
