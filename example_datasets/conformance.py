"""The conformance suite: broken and valid datasets with what a validator is to say, for any validator.

    python -m example_datasets.conformance FOLDER      # or NAME.tar.gz

writes `datasets/<id>/`, whole datasets, and `manifest.json`. Each case but the bases differs from its base by one
defect, or by a variation that is valid: a validator that is right reports something of a broken case that it does not
report of its base, and nothing more of a valid one. `benchmarks/conformance.py` scores validators by that.
"""

import json
import re
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from example_datasets.defects import BASES, FAMILIES
from example_datasets.mutations import Defect, Files
from example_datasets.small import write
from example_datasets.variations import VARIATIONS
from mids.resources import read_yaml, schemas

ABOUT = """# Conformance suite for validators of BIDS and MIDS

All datasets are invented and small. `manifest.json` lists the cases:

| key | meaning |
|---|---|
| `id` | the folder below `datasets/` |
| `base` | the case that it was made from; empty for a base |
| `valid` | whether a validator is to be silent |
| `what` | the defect or the variation, in words |
| `standard` | whose rule it is: `BIDS`, `MIDS`, `formats` (NIfTI, PNG, gzip, JSON) or `privacy` |
| `path`, `where` | the file that is wrong, and a part of the place in it; empty for the whole dataset |
| `mids` | the code of mids-validate |
| `bids` | codes of BIDS's schema with the same meaning, if there are any |

Run a validator on every folder. A broken case is found if the validator says something of it that it does not say of
its base, named if it gives the file of `path`. A valid case is right if it says nothing more than of its base.
Validators of plain BIDS skip the folders that `.bidsignore` names: remove that file to see what a schema of MIDS finds.
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A dataset of the suite, and its line of the manifest."""

    about: Mapping[str, object]
    files: Files


def cases() -> Iterator[Case]:
    """The bases, then every single defect, then every valid variation."""
    same: Mapping[str, str] = read_yaml(schemas() / "bids.yaml")
    for base, make in BASES.items():
        yield Case(_about(base, "", "a valid dataset", standard=base.upper(), valid=True), make())
    for family, defects in FAMILIES.items():
        for defect in defects:
            codes = sorted(theirs for theirs, ours in same.items() if ours == defect.code)
            about = _about(
                f"broken-{_slug(defect.name)}",
                defect.base,
                defect.name,
                standard=_standard(family, defect),
                valid=False,
            )
            more = {"path": defect.path, "where": defect.where, "mids": defect.code, "bids": codes, "family": family}
            yield Case({**about, **more}, defect.change(BASES[defect.base]()))
    for variation in VARIATIONS:
        about = _about(
            f"valid-{_slug(variation.name)}",
            variation.base,
            variation.name,
            standard=variation.base.upper(),
            valid=True,
        )
        yield Case(about, variation.change(BASES[variation.base]()))


def _about(name: str, base: str, what: str, *, standard: str, valid: bool) -> dict[str, object]:
    return {"id": name, "base": base, "valid": valid, "what": what, "standard": standard}


def _slug(name: str) -> str:
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


def _standard(family: str, defect: Defect) -> str:
    """Whose rule a defect breaks."""
    if defect.code.startswith("PRIVACY_"):
        return "privacy"
    if defect.base == "bids":
        return "BIDS"
    formats = r"(NIFTI|PNG|GZIP|IMAGE|JSON|TABLE)_(?!TWICE|WITHOUT).*|ZERO_BYTES"
    return "formats" if re.fullmatch(formats, defect.code) else "MIDS"


def make(folder: Path) -> int:
    """Writes the suite into a folder; returns the number of cases."""
    manifest = []
    for case in cases():
        write(dict(case.files), folder / "datasets" / str(case.about["id"]))
        manifest.append(case.about)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(ABOUT, encoding="utf-8")
    return len(manifest)


def main() -> None:
    """Writes the suite as a folder or as an archive."""
    if len(sys.argv) != 2:
        sys.exit("python -m example_datasets.conformance TARGET: give a folder, or a name that ends with .tar.gz")
    target = Path(sys.argv[1])
    if not target.name.endswith(".tar.gz"):
        print(f"{make(target)} cases in {target}")
        return
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(target, "w:gz") as archive:
        number = make(Path(scratch))
        archive.add(scratch, target.name.removesuffix(".tar.gz"))
    print(f"{number} cases in {target}")


if __name__ == "__main__":
    main()
