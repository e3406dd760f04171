"""The example source of the `fidac` collection: invented patients, their metadata in private data elements.

Values stand as the paper words them and in French, with and without accents; two are of no list, and the slices of
one study disagree, so that what is then done can be seen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from example_datasets.generators.chest import Scan, slices
from example_datasets.generators.dicomfile import Values, encode, scramble_name, uid

CREATOR = "NEHS-COVID 19"
GROUP = 0x0C19
REGION, INDICATION, ONSET, REPORT, RT_PCR = ELEMENTS = (0x01, 0x10, 0x11, 0x12, 0x13)


@dataclass(frozen=True, slots=True)
class Study:
    """One study: `said` are the texts of the private elements, `other` replaces them in the lower half of its slices.

    `shifted` has another creator reserve the first block, so that ours is 11xx.
    """

    patient: str
    number: int
    age: str
    said: tuple[str, str, str, str, str]
    sex: str = ""
    other: Mapping[int, str] | None = None
    shifted: bool = False
    syntax: str = ExplicitVRLittleEndian
    charset: str = "ISO_IR 192"


STUDIES = (
    Study(
        "4F1C90A2", 1, "60-70", sex="F",
        said=("Grand Est", "low symptoms COVID-19", "3-7 days", "classic/probable COVID-19", "positive"),
    ),
    Study(
        "4F1C90A2", 2, "60-70", sex="F",
        said=("Grand Est", "follow-up", ">21 days", "intermediate for COVID-19", "positive"),
    ),
    Study(
        "B7720D35", 3, "> 90 ans", sex="M", shifted=True, syntax=ImplicitVRLittleEndian, charset="ISO_IR 100",
        said=("Île-de-France", "Patient oxygéno-dépendant", "Moins de 3 jours", "Intermédiaire", "Négatif"),
    ),
    Study(
        "0C55E81B", 4, "80-90", syntax=ImplicitVRLittleEndian,
        said=("PROVENCE ALPES COTE D'AZUR", "Autre", "", "Non-COVID", "non réalisée"),
    ),
    Study(
        "E903AA67", 5, "18-20", sex="F", other={REPORT: "classic/probable COVID-19"},
        said=("Bretagne", "low symptoms COVID-19", "8–21 jours", "normal", "negative"),
    ),
    Study(
        "9D2B4470", 6, "adulte", sex="M", said=("Île de la Réunion", "other", "une semaine environ", "", ""),
    ),
)  # fmt: skip


def files() -> Iterator[tuple[str, bytes]]:
    """Every file of the source, sorted by path."""
    found = [file for study in STUDIES for file in _study(study)]
    found.append(("LISEZMOI.txt", "Base FIDAC : exemple inventé.\n".encode()))
    yield from sorted(found)


def _study(study: Study) -> Iterator[tuple[str, bytes]]:
    with config.disable_value_validation():  # a range is no value of an AS
        for index, dataset in enumerate(slices(_scan(study))):
            said = dict(zip(ELEMENTS, study.said, strict=True))
            if study.other and index < 4:
                said |= study.other
            _add_private(dataset, said, shifted=study.shifted)
            yield f"{study.patient}/{study.number}/{scramble_name(dataset.SOPInstanceUID)}", encode(dataset)


def _scan(study: Study) -> Scan:
    patient: Values = {"SpecificCharacterSet": study.charset, "PatientID": study.patient, "PatientSex": study.sex}
    level: Values = {
        "StudyInstanceUID": uid("study", "fidac", study.number), "StudyDate": f"2020050{study.number}",
        "StudyTime": "101500", "AcquisitionDate": f"2020050{study.number}", "AcquisitionTime": "101700",
        "StudyDescription": "TDM THORACIQUE",
    }  # fmt: skip
    return Scan(
        f"fidac-{study.number}",
        patient,
        level,
        {"PatientAge": study.age},
        slices=8,
        shift=2.0 * study.number,
        syntax=study.syntax,
    )


def _add_private(dataset: Dataset, said: Mapping[int, str], *, shifted: bool) -> None:
    if shifted:
        block = dataset.private_block(GROUP, "ANOTHER CREATOR", create=True)
        block.add_new(REGION, "LO", "not a region")
    block = dataset.private_block(GROUP, CREATOR, create=True)
    for element, text in said.items():
        if text:
            block.add_new(element, "LO", text)
