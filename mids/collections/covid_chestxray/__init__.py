"""The COVID-19 image data collection (Cohen, Morrison, Dao 2020): metadata.csv, images, volumes, annotations."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mids.collections.covid_chestxray.annotations import read_annotations, strays
from mids.collections.covid_chestxray.metadata import METADATA, Row, find_metadata, read_metadata, rows_of
from mids.collections.covid_chestxray.patient import items_of, label_tree
from mids.collections.covid_chestxray.twins import report_twins
from mids.errors import MidsError
from mids.issues import issue
from mids.readers.archives.files import walk
from mids.readers.dicom.scan import PLAIN, Scanner
from mids.readers.images.pictures import size
from mids.records import About, Item, Skipped, Source

ABOUT = About(
    name="covid-chestxray",
    title="COVID-19 image data collection",
    description=(
        "Chest radiographs and CT of COVID-19 and other pneumonia, taken from publications and web pages, with what "
        "these say of the patients."
    ),
    licence=(
        "Each image has its own licence (column license of scans.tsv, n/a where the source states none); metadata "
        "CC-BY-NC-SA-4.0; severity scores CC BY-SA; lung boxes CC-BY-4.0"
    ),
    authors=("Joseph Paul Cohen", "Paul Morrison", "Lan Dao"),
    how_to_cite=(
        "Cohen JP, Morrison P, Dao L. COVID-19 Image Data Collection. arXiv:2003.11597, 2020. Please cite the "
        "publication that an image comes from as well (column doi of scans.tsv)."
    ),
    references=(
        "https://arxiv.org/abs/2003.11597",
        "https://arxiv.org/abs/2005.11856 (severity scores)",
        "https://arxiv.org/abs/2005.10052 (lung masks)",
    ),
    url="https://github.com/ieee8023/covid-chestxray-dataset",
    limitations=(
        "Published cases are chosen for being remarkable: frequencies are those of publications, not of patients.",
        "Most images went through print or the web: scaled, compressed, cropped, with marks and letters, their grey "
        "values without unit.",
        "The source says X-ray only: every radiograph is called dx, whether computed, digital or digitised film.",
        "CT images are mostly single figures of publications, stored as PNG without Hounsfield units.",
        "The chest as the body part is a fact of the collection, not of each image.",
        "Days are counted from the onset of symptoms or from hospitalization, the source does not say which; 5 days "
        "were written where a report says 'after a few days'.",
        "po2_saturation is stated in percent; rows from Hannover hold partial pressures in mmHg.",
        "Some images occur under two patients, which may be one person: a file is given to the first, copies under "
        "other names are reported.",
        "Credits of single images (other_notes) name people and are left at the page that an image comes from (url).",
        "No ethics approval and no funding is stated; every image had been public before.",
    ),
    commercial_use="forbidden",
    redistribution="unknown",
    attribution="required",
    agreement="not_required",
    ids="public",
    dates="public",
    access="Free: clone the repository of the page; its volumes come from where its README says.",
    expected="A checkout of the repository, or a folder with metadata.csv (any version) and images, volumes and "
    "annotations as far as they are there.",
)


def recognise(root: Path, scanner: Scanner = PLAIN, sources: Iterable[Source] | None = None) -> str:
    """What is missing for `root` to be the collection: metadata.csv with the columns of one of its versions."""
    del scanner
    try:
        read_metadata(root, find_metadata(root, walk(root) if sources is None else sources))
    except MidsError as error:
        return str(error)
    return ""


_IMAGES = (".png", ".jpg", ".jpeg", ".nii", ".nii.gz")


def read(root: Path, scanner: Scanner = PLAIN) -> Iterator[Sequence[Item]]:
    """The collection below `root`: what belongs to no patient, then the items patient by patient.

    Raises `MidsError` where metadata.csv is absent or lacks a column. Rows name files from the folder that holds it.
    """
    del scanner  # a row and the head of its picture are quickly read
    everything = list(walk(root))
    metadata = find_metadata(root, everything)
    home = metadata.path[: -len(METADATA)]
    table = read_metadata(root, metadata)
    files = {source.path.removeprefix(home): source for source in everything if source.path.startswith(home)}
    rows, issues = rows_of(table, files)
    annotations = read_annotations(root, files.values())
    used = {row.source for row in rows if row.source} | annotations.used | {metadata}
    problems = [*table.issues, *issues, *report_twins(root, rows), *annotations.issues, *strays(rows, annotations)]
    outside = {source.path: source for source in everything if not source.path.startswith(home)}
    yield [*problems, *_report_unused_files({**outside, **files}, used), *label_tree(rows)]
    patients: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        patients[row.patient].append(row)
    for own in patients.values():
        shapes = {row.file: size(root, row.source) for row in own if row.source}
        yield list(items_of(own, shapes, annotations))


def _report_unused_files(files: Mapping[str, Source], used: set[Source]) -> Iterator[Item]:
    """The files that nothing speaks of: images that stand in no row, and all others."""
    rest = {path: source for path, source in files.items() if source not in used}
    for path, source in rest.items():
        if path.lower().endswith(_IMAGES) and path.split("/")[0] in ("images", "volumes"):
            message = f"no row of {METADATA} names the image"
            yield issue("IMAGE_UNLISTED", message, source.name, origin="read")
    if rest:
        yield Skipped(tuple(rest.values()), "the collection's metadata does not mention this file")
