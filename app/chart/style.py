"""The chart's own stylesheet, and the name under which a content security policy lets it through."""

import base64
import hashlib
from pathlib import Path
from typing import Final

STYLE: Final = Path(__file__).with_name("trend.css").read_text(encoding="utf-8")
STYLE_SOURCE: Final = f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
"""For `style-src` of a page that shows a chart in its own markup, and of a chart that is opened alone."""
