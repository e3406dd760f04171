"""Compares what `mids-convert dicom` delivers with volumes that others have made of the same files.

    python -m benchmarks.references dcm_qa_nih dcm_qa_mosaic …

Each folder has the DICOM in `In` and the reference volumes in `Ref` (`*.nii`, `*.nii.gz`), as the validation sets of
dcm2niix do (https://github.com/neurolabusc/dcm_qa and its sisters); the order of voxels may differ where the affine
says so. Of each reference the line says which delivered
volume has its values and its affine, or what the nearest one differs in. The exit code is 1 where one has none.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

import mids

_NEAR = 1e-3
"""mm by which the corners of two volumes may lie apart."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--keep", type=Path, help="where the converted datasets stay")
    arguments = parser.parse_args()
    unequal = 0
    with tempfile.TemporaryDirectory(prefix="references-") as scratch:
        for folder in arguments.folders:
            target = (arguments.keep or Path(scratch)) / folder.name
            done = mids.convert("dicom", folder / "In", target)
            made = sorted(target.glob("sub-*/**/*.nii.gz"))
            print(f"# {folder.name}: {len(made)} volumes, exit code {done.exit_code}")
            for found in done.issues:
                if found.level != "info":
                    print(f"  {found.level} {found.code}: {found.message}")
            for path in sorted((folder / "Ref").glob("*.nii*")):
                said = verdict(path, made)
                unequal += not said.startswith("equal")
                print(f"{path.name}\t{said}")
    return int(unequal > 0)


def verdict(path: Path, made: Sequence[Path]) -> str:
    """What the nearest of the delivered volumes has in common with a reference."""
    reference: Any = nib.as_closest_canonical(nib.load(path))
    values = np.asarray(reference.dataobj)
    found = [said for one in made if (said := compared(reference, values, one))]
    return min(found, default="no volume of its size", key=lambda said: (not said.startswith("equal"), len(said)))


def compared(reference: Any, values: np.ndarray, path: Path) -> str:
    """Empty where the volume has another size."""
    other: Any = nib.as_closest_canonical(nib.load(path))
    if squeezed(other.shape) != squeezed(reference.shape):
        return ""
    theirs = np.asarray(other.dataobj).reshape(values.shape)
    apart = corners_apart(reference, other)
    place = "" if apart <= _NEAR else f", its corners {apart:.3f} mm apart"
    top = float(np.abs(values).max())
    if np.allclose(values, theirs, rtol=0, atol=1e-6 * top):
        return f"equal{place}" if not place else f"values equal{place}"
    slope, intercept = np.polyfit(theirs.ravel().astype(float), values.ravel().astype(float), 1)
    if np.allclose(values, theirs * slope + intercept, rtol=0, atol=1e-4 * top):
        factors = f"a factor of {slope:.6g}" + (f" and {intercept:+.6g}" if abs(intercept) > 1e-4 * top else "")
        return f"equal but for {factors}" if not place else f"values equal but for {factors}{place}"
    share = float((np.abs(values - theirs.astype(float)) > 1e-6 * top).mean())
    return f"{share:.1%} of the values differ{place} ({path.name})"


def squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(n) for n in shape if n > 1)


def corners_apart(one: Any, other: Any) -> float:
    """The largest distance of the same corners of two volumes in mm."""
    ends = np.array(np.meshgrid(*[(0, n - 1) for n in (*one.shape, 1, 1)[:3]], [1])).reshape(4, -1)
    return float(np.linalg.norm(((one.affine - other.affine) @ ends)[:3], axis=0).max())


if __name__ == "__main__":
    sys.exit(main())
