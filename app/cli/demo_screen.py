"""What the demo shows to a person; says nothing that it was not given."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from app.cli.demo_clinic import PatientStory, Scores

_LEVELS: Final = {
    "no_reference": ("no reference", "dim"),
    "steady": ("steady", "green"),
    "watch": ("watch", "yellow"),
    "consider_booster": ("consider booster", "bold red"),
}
_BAR_CELLS: Final = 12
_WIDEST: Final = 100


class DemoScreen:
    """The terminal; plain lines when it is none."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._console.width = min(self._console.width, _WIDEST)

    @property
    def watched(self) -> bool:
        """Whether a person is probably looking."""
        return self._console.is_terminal

    def title(self) -> None:
        """Say what this is."""
        self._console.print()
        self._console.print(
            "[bold]Afterglow[/bold] notifies a ketamine clinic when a patient's benefit fades."
        )
        self._console.print("[dim]A synthetic clinic: nothing here is about a real person.[/dim]")
        self._console.print()

    def heading(self, text: str) -> None:
        """Begin a part."""
        self._console.print()
        self._console.print(Text(text, style="bold cyan"))

    def done(self, text: str, aside: str = "") -> None:
        """Tick off a step."""
        self._console.print(Text.assemble(("✓ ", "green"), text, (f": {aside}" if aside else "", "dim")))

    def note(self, text: str) -> None:
        """Add a quiet line."""
        self._console.print(Text(text, style="dim"))

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show that something takes a moment."""
        with self._console.status(text):
            yield

    def patients(self, rows: Sequence[tuple[PatientStory, Mapping[str, Any]]]) -> None:
        """Show each patient with what the reports say."""
        for story, evaluation in rows:
            lost = evaluation.get("smoothed")
            line = Text.assemble(f"  {story.reference}  {story.where:<28}  ", level_text(evaluation["level"]))
            if lost is not None:
                line.append(f", {percent(lost)} lost", style="dim")
            self._console.print(line)
            words = Text(second_sentence(evaluation["explanation"]), style="dim")
            self._console.print(Padding(words, (0, 0, 0, 9)))

    def day(self, day: date, scores: Scores, evaluation: Mapping[str, Any]) -> None:
        """Show one day's check-in and where it leads."""
        lost = float(evaluation["smoothed"] or 0)
        line = Text.assemble(
            f"  {day:%d %b}  ",
            ("mood {}  energy {}  sleep {}  ".format(*scores), "dim"),
            bar(lost, float(evaluation["threshold"])),
            f" {percent(lost):>4} lost  ",
            level_text(evaluation["level"]),
        )
        self._console.print(line)

    def event(self, event: Mapping[str, Any], *, seconds: float) -> None:
        """Show a verified event as it came."""
        self._console.print(
            Panel(
                Text(json.dumps(event, indent=2), no_wrap=True, overflow="ellipsis"),
                title=f"[bold]{event['type']}[/bold] · signature verified · {seconds:.1f} s after the check-in",
                title_align="left",
                border_style="green",
            )
        )

    def explanation(self, text: str, source: str) -> None:
        """Show what the care team reads."""
        self._console.print(
            Panel(Text(text), title=source, title_align="left", border_style="red", padding=(0, 1))
        )

    def crisis_help(self, reply: Mapping[str, Any], *, milliseconds: float) -> None:
        """Show the help that came back in the phone's own reply."""
        self._console.print(f"  the phone's reply, after {milliseconds:.0f} ms:")
        self._console.print(Text(f"    {reply['title']}", style="bold"))
        for line in reply["lines"]:
            self._console.print(Text(f"    {line['number']:<4} {line['label']}"))
        self._console.print(Text(f"    {reply['not_monitored']}", style="dim"))

    def to_copy(self, lines: Sequence[str]) -> None:
        """Show command lines as they can be copied: never folded."""
        for line in lines:
            self._console.print(Text(line), soft_wrap=True)

    def arrived(self, event: Mapping[str, Any]) -> None:
        """Say that another event came."""
        self._console.print(
            Text.assemble(("← ", "green"), f"{event['type']}  verified  ", (str(event["data"]), "dim"))
        )


def level_text(level: str) -> Text:
    """Write a level in its color."""
    words, style = _LEVELS[level]
    return Text(words, style=style)


def percent(share: float) -> str:
    """Write a share of the gain."""
    return f"{share * 100:.0f} %"


def second_sentence(explanation: str) -> str:
    """Give the sentence after the headline, which the level repeats."""
    return explanation.split(". ")[1] + "."


def bar(lost: float, threshold: float) -> Text:
    """Draw the lost share of the gain, with a mark where "consider" begins."""
    filled = round(min(max(lost, 0.0), 1.0) * _BAR_CELLS)
    mark = round(threshold * _BAR_CELLS)
    cells = ["█" if cell < filled else "░" for cell in range(_BAR_CELLS)]
    text = Text("".join(cells), style="red" if lost >= threshold else "yellow")
    text.stylize("dim", filled)
    return Text.assemble(text[:mark], ("│", "bold"), text[mark:])
