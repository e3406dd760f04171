"""Writes the example sources of the collections: ``python -m example_datasets.generate [COLLECTION …]``.

That of `dicom` is put together here; each other one by the `files` of its module in `generators`.

The bytes depend on nothing but this code (and on zlib, for the one archive and the one deflated file).
"""

import shutil
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from pkgutil import iter_modules
from typing import TypeAlias

from pydicom.dataset import Dataset

from example_datasets import generators
from example_datasets.generators import ct, mr, nuclear, radiograph, us
from example_datasets.generators.dicomfile import encode, scramble_name
from example_datasets.generators.disc import dicomdir

SOURCES = Path(__file__).parent / "sources"
INPUT = SOURCES / "dicom" / "input"

File: TypeAlias = tuple[str, bytes]
"""POSIX path below the source's root, and the content."""

NOTE = "Llamar a JANE DOE (+34 600 555 019) para repetir la lateral. QUESADA\n"
TRUNCATED = "defectuosos/cortada.dcm"
ARCHIVE = "entrega 1/reformateos.zip"
DISC = "disco PET"
DUPLICATE = f"{ct.FOLDER}/copia/{scramble_name('copy')}"


def files() -> Iterator[File]:
    """Every file of the source, sorted by path."""
    parts = (_chest_ct(), _radiographs(), _ultrasound(), _magnetic_resonance(), _disc(), _defective())
    yield from sorted(file for part in parts for file in part)


def write(root: Path) -> None:
    """Writes `files` below `root`, which is made where absent; other files there are left alone."""
    for path, content in files():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _scramble_names(folder: str, datasets: Iterable[Dataset], suffix: str = "") -> Iterator[File]:
    for dataset in datasets:
        yield f"{folder}/{scramble_name(dataset.SOPInstanceUID)}{suffix}", encode(dataset)


def _chest_ct() -> Iterator[File]:
    others = (ct.localizer(), ct.dose_page(), ct.report())
    slices = (dataset for stack in ct.STACKS for dataset in ct.slices(stack))
    for path, content in _scramble_names(ct.FOLDER, (*others, *slices)):
        yield path, content
        if path.endswith(scramble_name(ct.duplicate_uid())):
            yield DUPLICATE, content
    yield ARCHIVE, _zip(_scramble_names("única", ct.slices(ct.CORONAL), ".dcm"))


def _zip(members: Iterable[File]) -> bytes:
    """An archive without clock time: members dated 1980, as zip's epoch has it."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in sorted(members):
            info = zipfile.ZipInfo(path)
            info.create_system = 3
            archive.writestr(info, content, zipfile.ZIP_DEFLATED, 6)
    return buffer.getvalue()


def _radiographs() -> Iterator[File]:
    yield "entrega 2/DOE JANE/RX tórax/imagen 1.dcm", encode(radiograph.cr_pa())
    yield "entrega 2/DOE JANE/RX tórax/imagen 2.dcm", encode(radiograph.dx_lateral())
    yield "123/20200117/IM00001", encode(radiograph.dx_pa())
    yield "123/20200117/IM00002", encode(radiograph.dx_ap())
    yield from _scramble_names("123/mamografía", radiograph.mammograms(), ".DCM")


def _ultrasound() -> Iterator[File]:
    for name, dataset in (("A", us.colour()), ("B", us.cine()), ("C", us.make_lettered())):
        yield f"ROE_RICHARD/ECO/{name}.dcm", encode(dataset)


def _magnetic_resonance() -> Iterator[File]:
    for protocol in mr.PROTOCOLS:
        yield from _scramble_names(f"ROE_RICHARD/RM/{protocol.number}-{protocol.part}", mr.slices(protocol), ".ima")


def _disc() -> Iterator[File]:
    placed = [(f"IMAGES/PT{i:06d}", dataset) for i, dataset in enumerate(nuclear.pet())]
    placed.append(("IMAGES/NM000000", nuclear.spect()))
    for path, dataset in placed:
        yield f"{DISC}/{path}", encode(dataset)
    yield f"{DISC}/DICOMDIR", dicomdir(placed)


def _defective() -> Iterator[File]:
    whole = encode(radiograph.cr_pa("cr-truncated", 9))
    yield TRUNCATED, whole[: len(whole) * 6 // 10]
    yield "defectuosos/notes.txt", NOTE.encode()
    yield "defectuosos/vacío.dcm", b""


def sources() -> dict[str, Callable[[], Iterable[File]]]:
    """What makes the files of each collection's example source, by the collection's name."""
    modules = {
        info.name: import_module(f"{generators.__name__}.{info.name}") for info in iter_modules(generators.__path__)
    }
    made = {name.replace("_", "-"): module.files for name, module in modules.items() if hasattr(module, "files")}
    return {"dicom": files, **made}


def write_source(name: str) -> None:
    """Replaces the example source of a collection."""
    root = SOURCES / name / "input"
    shutil.rmtree(root, ignore_errors=True)
    for path, content in sources()[name]():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or sources():
        write_source(chosen)
        print(SOURCES / chosen / "input")
