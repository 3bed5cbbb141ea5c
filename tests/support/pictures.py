"""Reading a drawn chart back: what a test looks for in the SVG."""

import re
from typing import Final
from xml.etree.ElementTree import Element, fromstring

_SVG: Final = "{http://www.w3.org/2000/svg}"
Place = tuple[float, float]


class Picture:
    """A chart as parsed; it must be XML, or this raises."""

    def __init__(self, svg: str) -> None:
        self.text = svg
        self.root: Element = fromstring(svg)  # noqa: S314 - our own drawing

    def all(self, tag: str, css: str | None = None) -> list[Element]:
        """The elements with this tag, and with this class if one is given."""
        found = self.root.iter(_SVG + tag)
        return [one for one in found if css is None or css in (one.get("class") or "").split()]

    @property
    def words(self) -> list[str]:
        """Everything that can be read in it."""
        return ["".join(one.itertext()) for one in self.all("text")]

    @property
    def description(self) -> str:
        """What is read out."""
        (description,) = self.all("desc")
        return description.text or ""

    @property
    def ids(self) -> list[str]:
        """All ids."""
        return [name for one in self.root.iter() if (name := one.get("id"))]

    def lines(self, domain: int) -> list[list[Place]]:
        """The lines of a domain, each as its places; one place alone is a mark without neighbours."""
        (group,) = [one for one in self.all("g", "line") if f"-m{domain})" in (one.get("marker-end") or "")]
        return [places(one.get("points") or "") for one in group.iter(_SVG + "polyline")]

    def grid(self, domain: int) -> dict[int, float]:
        """Where 0, 5 and 10 stand in a domain's panel."""
        panel = self.all("g", "panel")[domain]
        (grid,) = [one for one in panel if one.get("class") == "grid"]
        heights = re.findall(r"M[\d.]+,([\d.]+)h", grid.get("d") or "")
        return dict(zip((0, 5, 10), map(float, heights), strict=True))

    def band(self, kind: str) -> list[Element]:
        """The bands of a kind, a panel each; the key below the chart is not one."""
        return [one for one in self.all("rect", kind) if one.get("width") != "20"]


def places(points: str) -> list[Place]:
    """The places in a list of points."""
    return [(float(x), float(y)) for x, y in (one.split(",") for one in points.split())]
