"""How many drawn defects are found, and what is said of unusual but valid datasets: `python -m benchmarks.single`."""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.single import defects, found, variations


def main() -> None:
    """Prints the misses and the false alarms, and the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="defects (default: 300)")
    parser.add_argument("--valid", type=int, default=100, help="valid variations (default: 100)")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    missed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(a.count):
            name, place, drawn = defects(a.seed, number)
            if not found(drawn, place, Path(folder) / "d"):
                missed[name] += 1
                print(f"missed {number}: {name} at {place}")
        print(f"found {a.count - missed.total()} of {a.count} defects ({1 - missed.total() / a.count:.1%})")
        alarms = 0
        for number in range(a.valid):
            name, drawn = variations(a.seed, number)
            if issues := found(drawn, "", Path(folder) / "d"):
                alarms += 1
                print(f"alarm {number}: {name}: {'; '.join(issues)}")
        print(f"{alarms} false alarms on {a.valid} valid variations")


if __name__ == "__main__":
    main()
