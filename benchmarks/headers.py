"""Time and memory of a source of very many headers, from the index to a plan that is compared with an empty dataset.

The headers are made up and go into the index as a worker hands them over: no file is read, so that a million takes
minutes. ``python -m benchmarks.headers`` prints a Markdown table.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mids.deid.headers.rules import resolve
from mids.deid.keys import Key
from mids.deid.labels import Labels
from mids.deid.policy import preset
from mids.deid.pseudonyms import Pseudonyms
from mids.plan import Context, Options, build, compare
from mids.plan.privacy import Privacy
from mids.readers.dicom.grouping.series import records
from mids.readers.dicom.headers import Instance
from mids.readers.dicom.index import Index, packed
from mids.records import About, Json, Source
from mids.vocabulary import clinical

SLICES, SERIES = 100, 5
"""Slices of a series, and series of a patient."""
BATCH = 128
SIZES = (10_000, 100_000, 1_000_000)


def instances(count: int) -> Iterator[Instance]:
    """Headers of chest CT: five series of a hundred slices a patient, with some thirty attributes."""
    for number in range(count):
        series, slice_ = divmod(number, SLICES)
        patient = series // SERIES
        common: dict[str, Json] = {
            "PatientID": f"P{patient:06}", "PatientName": f"Doe^{patient}", "PatientSex": "F", "PatientAge": "061Y",
            "StudyInstanceUID": f"2.25.{patient}", "SeriesInstanceUID": f"2.25.{patient}.{series}", "Modality": "CT",
            "StudyDate": "20200117", "StudyTime": "101010", "SeriesNumber": series % SERIES, "Rows": 512,
            "Columns": 512, "BitsAllocated": 16, "BitsStored": 12, "PixelRepresentation": 1, "Manufacturer": "ACME",
            "ManufacturerModelName": "CT 64", "BodyPartExamined": "CHEST", "ConvolutionKernel": "B40f",
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "PixelSpacing": [0.7, 0.7], "SliceThickness": 1.0,
            "ImageOrientationPatient": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0], "KVP": 120.0, "PatientPosition": "HFS",
        }  # fmt: skip
        own: dict[str, Json] = {
            "SOPInstanceUID": f"2.25.{patient}.{series}.{slice_}", "InstanceNumber": slice_ + 1,
            "ImagePositionPatient": [-180.0, -180.0, float(slice_)], "AcquisitionTime": f"1010{slice_ % 60:02}",
            "XRayTubeCurrent": 100 + slice_ % 7,
        }  # fmt: skip
        source = Source(f"{patient:06}/{series:08}/{slice_:04}.dcm", "", 525_000, 1)
        yield Instance(source, {**common, **own}, "1.2.840.10008.1.2.1", has_pixels=True)


def one(count: int) -> None:
    """Prints seconds of each step and the peak of memory, in MB."""
    with tempfile.TemporaryDirectory() as folder, Index(Path(folder) / "index.sqlite", ()) as index:
        start = time.perf_counter()
        batch: list[Instance] = []
        for instance in instances(count):
            batch.append(instance)
            if len(batch) == BATCH:
                index.add([one.source for one in batch], packed(batch, [], []))
                batch = []
        index.add([one.source for one in batch], packed(batch, [], []))
        filled = time.perf_counter()
        policy = preset("mids")
        labels = Labels(Pseudonyms(Key(b"1" * 32)), About("x", "x", "x"))
        privacy = Privacy(labels, policy, resolve(policy))
        items = (list(records(Path(), group)) for group in index.by_subject())
        plan = build(items, Context(clinical.load("dicom").schema, privacy, Options()))
        planned = time.perf_counter()
        comparison = compare(plan, {}, {}, {})
        compared = time.perf_counter()
        size = (Path(folder) / "index.sqlite").stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    steps = (filled - start, planned - filled, compared - planned)
    print(count, len(comparison.new), *(f"{seconds:.1f}" for seconds in steps), f"{peak:.0f}", f"{size / 1e6:.0f}")


def main() -> None:
    """Runs each size in a process of its own, so that the peak of one is not that of another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", type=int, help="only this many headers, in this process")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="how many headers")
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments.one)
        return
    print("| headers | volumes | index, s | plan, s | compare, s | peak memory, MB | index, MB |")
    print("|---|---|---|---|---|---|---|")
    for size in arguments.sizes:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.headers", "--one", str(size)], capture_output=True, text=True, check=True
        )
        print(f"| {' | '.join(f'{int(c):,}' if c.isdigit() else c for c in done.stdout.split())} |")


if __name__ == "__main__":
    main()
