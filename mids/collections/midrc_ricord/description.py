"""What the three releases of RICORD have in common in their descriptions."""

from mids.records import About

COMMON = About(
    name="",
    title="",
    description="",
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
    commercial_use="forbidden",
    redistribution="allowed",
    attribution="required",
    agreement="not_required",
    ids="public",
    dates="pseudonymous",
    access="Free, from The Cancer Imaging Archive: images with the NBIA Data Retriever, tables from the page.",
    expected="A folder or archive that holds, at any depth and under any names: the DICOM images, the MD.ai export "
    "(JSON; needed), the clinical table (CSV or XLSX), NBIA's metadata.csv.",
)  # fmt: skip

PUBLICATIONS = ("https://doi.org/10.1148/radiol.2021203957", "https://doi.org/10.1007/s10278-013-9622-7")
_CITED = (
    "Tsai EB, Simpson S, Lungren M, et al. The RSNA International COVID-19 Open "
    "Annotated Radiology Database (RICORD). Radiology 2021, 203957. https://doi.org/10.1148/radiol.2021203957. "
    "Clark K, Vendt B, Smith K, et al. The Cancer Imaging Archive (TCIA): Maintaining and Operating a Public "
    "Information Repository. J Digit Imaging 2013;26(6):1045-1057. https://doi.org/10.1007/s10278-013-9622-7."
)

NO_TEST = "The clinical table does not name the test; the collection's page speaks of RT-PCR, so it stands as PCR."
READERS = "Annotators overlap and disagree; nobody is outvoted, and an adjudicating group counts as an annotator."
LIMITATIONS = (
    "RT-PCR for SARS-CoV-2 has false negative and false positive results, which shape who was included.",
    "Inclusion criteria may have distorted the distribution of patients in an unknown way.",
)
TERMS = (
    "MRN, dates and UIDs are pseudonyms of the publisher; the page states no ethics approval.",
    "Users must abide by the TCIA Data Usage Policy and Restrictions.",
)


def cite(release: str, year: str, doi: str) -> str:
    """How the data, the article and the archive are cited."""
    return (
        "Tsai E, Simpson S, Lungren MP, et al. Data from the Medical Imaging Data Resource Center - RSNA International "
        f"COVID Radiology Database {release}. The Cancer Imaging Archive, {year}. "
        f"https://doi.org/{doi}. {_CITED}"
    )
