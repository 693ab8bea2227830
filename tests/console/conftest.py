"""The account of the tool's tests, and the regions of the live ones."""

import sys
from pathlib import Path

for folder in ("deploy", "live"):
    sys.path.append(str(Path(__file__).parents[1] / folder))
