"""Writes `example/mids`, what becomes of `example/input`. Run it after a change, and look at what it wrote."""

from pathlib import Path

from mids import testing

if __name__ == "__main__":
    testing.write_golden("town-clinic", Path(__file__).parent / "example")
