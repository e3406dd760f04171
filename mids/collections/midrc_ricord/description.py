"""What is known of the three releases of RICORD: what they share, and what each has of its own."""

from collections.abc import Mapping

from mids.records import About

_PUBLICATIONS = ("https://doi.org/10.1148/radiol.2021203957", "https://doi.org/10.1007/s10278-013-9622-7")
_CITED = (
    "Tsai EB, Simpson S, Lungren M, et al. The RSNA International COVID-19 Open "
    "Annotated Radiology Database (RICORD). Radiology 2021, 203957. https://doi.org/10.1148/radiol.2021203957. "
    "Clark K, Vendt B, Smith K, et al. The Cancer Imaging Archive (TCIA): Maintaining and Operating a Public "
    "Information Repository. J Digit Imaging 2013;26(6):1045-1057. https://doi.org/10.1007/s10278-013-9622-7."
)
_LIMITATIONS = (
    "RT-PCR for SARS-CoV-2 has false negative and false positive results, which shape who was included.",
    "Inclusion criteria may have distorted the distribution of patients in an unknown way.",
    "The clinical table does not name the test; the collection's page speaks of RT-PCR, so it is recorded as PCR.",
)
_READERS = "Annotators overlap and disagree; nobody is outvoted, and an adjudicating group counts as an annotator."
_TERMS = (
    "MRN, dates and UIDs are pseudonyms of the publisher; the page states no ethics approval.",
    "Users must abide by the TCIA Data Usage Policy and Restrictions.",
)
_DATABASE = "of the RSNA International COVID-19 Open Radiology Database (RICORD)."

_RELEASES: Mapping[str, tuple[str, str, str, str, str, str, tuple[str, ...]]] = {
    "a": (
        "chest CT of COVID-19", "Chest CT Covid+", "2020", "10.7937/VTW4-X588",
        "Chest CT of patients with COVID-19 from four international sites, with exam-level labels and outlines of "
        "affected regions by thoracic radiologists",
        "the MD.ai export (JSON; needed), ",
        (_READERS, "MD.ai does not say whether whole numbers of an outline are corners or centres of pixels."),
    ),
    "b": (
        "chest CT without COVID-19", "Chest CT Covid-", "2021", "10.7937/31V8-4A40",
        "Chest CT of patients with a negative test for SARS-CoV-2 from four international sites, without annotations",
        "", (),
    ),
    "c": (
        "chest radiographs of COVID-19", "Chest x-ray Covid+", "2021", "10.7937/91ah-v663",
        "Chest radiographs of patients with COVID-19 from four international sites, with exam-level labels of three "
        "radiologists or more and their adjudication",
        "the MD.ai export (JSON; needed), ",
        (_READERS,),
    ),
}  # fmt: skip
"""For each release: what it is, its name in citations, year, DOI, contents, the export of annotations that it needs,
limitations."""


def describe(letter: str) -> About:
    """The description of one release, ``a``, ``b`` or ``c``."""
    title, cited, year, doi, content, export, limitations = _RELEASES[letter]
    name = f"midrc-ricord-1{letter}"
    return About(
        name=name,
        title=f"{name.upper()}: {title}",
        description=f"{content}: release 1{letter} {_DATABASE}",
        licence="CC-BY-NC-4.0",
        authors=(
            "Tsai, E.", "Simpson, S.", "Lungren, M.P.", "Hershman, M.", "Roshkovan, L.", "Colak, E.", "Erickson, B.J.",
            "Shih, G.", "Stein, A.", "Kalpathy-Cramer, J.", "Shen, J.", "Hafez, M.A.F.", "John, S.", "Rajiah, P.",
            "Pogatchnik, B.P.", "Mongan, J.T.", "Altinmakas, E.", "Ranschaert, E.", "Kitamura, F.C.", "Topff, L.",
            "Moy, L.", "Kanne, J.P.", "Wu, C.",
        ),
        acknowledgements=(
            "A collaboration of the RSNA and the Society of Thoracic Radiology; data are available through the Medical "
            "Imaging and Data Resource Center (MIDRC)."
        ),
        funding=("National Institute of Biomedical Imaging and Bioengineering (NIBIB), contract for MIDRC",),
        how_to_cite=(
            "Tsai E, Simpson S, Lungren MP, et al. Data from the Medical Imaging Data Resource Center - RSNA "
            f"International COVID Radiology Database Release 1{letter} - {cited} ({name.upper()}). The Cancer Imaging "
            f"Archive, {year}. https://doi.org/{doi}. {_CITED}"
        ),
        references=(f"https://doi.org/{doi}", *_PUBLICATIONS),
        doi=f"doi:{doi}",
        url=f"https://www.cancerimagingarchive.net/collection/{name}/",
        limitations=(*_LIMITATIONS, *limitations, *_TERMS),
        commercial_use="forbidden",
        redistribution="allowed",
        attribution="required",
        agreement="not_required",
        ids="public",
        dates="pseudonymous",
        access="Free, from The Cancer Imaging Archive: images with the NBIA Data Retriever, tables from the page.",
        expected="A folder or archive that holds, at any depth and under any names: the DICOM images, "
        f"{export}the clinical table (CSV or XLSX), NBIA's metadata.csv.",
    )  # fmt: skip
