"""Ways in which a valid dataset may differ from the ones of `defects.BASES` and stay valid: validators are silent."""

import json
import struct
from dataclasses import dataclass

from example_datasets.defects_bids import PAIR_ALONE
from example_datasets.invented import as_json, chunk, gz, nifti, png
from example_datasets.mutations import (
    BOLD,
    CT,
    DSEG,
    DWI,
    MADE,
    PEOPLE,
    RX,
    RX2,
    SCANS,
    SESSIONS,
    T1W,
    Change,
    Files,
    both,
    cell,
    column,
    drop,
    keys,
    move,
    put,
    rename,
    swap,
    table,
)
from example_datasets.recordings import SUB
from example_datasets.small import DERIVATIVE, DESCRIPTION


@dataclass(frozen=True, slots=True)
class Variation:
    """A change that leaves a dataset valid: what it is, the dataset that it is made in ("mids", "bids"), the change."""

    name: str
    base: str
    change: Change


def lift(to: str, *sidecars: str) -> Change:
    """The keys that sidecars have in common moved to a file above them."""

    def change(files: Files) -> Files:
        every = {path: json.loads(files[path]) for path in sidecars}
        first = next(iter(every.values()))
        common = {key: value for key, value in first.items() if all(own.get(key) == value for own in every.values())}
        rest = {path: {k: v for k, v in own.items() if k not in common} for path, own in every.items()}
        return {**files, **{path: as_json(own) for path, own in rest.items()}, to: as_json(common)}

    return change


def dictionary(name: str, **entry: object) -> Change:
    """A column described in participants.json."""
    return lambda files: keys("participants.json", {name: entry})({"participants.json": b"{}", **files})


def header(path: str, at: int, form: str, *values: float) -> Change:
    """Fields of an invented volume's header changed."""
    data = bytearray(nifti((4, 4, 3)))
    struct.pack_into(f"<{form}", data, at, *values)
    return put(path, gz(bytes(data)))


def _rows(path: str, *, reverse_columns: bool = False) -> Change:
    """The rows of a table from last to first, or its columns but the first."""

    def change(files: Files) -> Files:
        head, *rows = [line.split("\t") for line in files[path].decode().splitlines()]
        found = [head, *reversed(rows)]
        if reverse_columns:
            found = [[row[0], *reversed(row[1:])] for row in (head, *rows)]
        return {**files, path: "".join("\t".join(row) + "\n" for row in found).encode()}

    return change


MIDS, BIDS = "mids", "bids"
EEG, FUNC = f"{SUB}/eeg/{SUB}_task-rest", f"{SUB}/func/{SUB}_task-rest_part-phase_bold"
ASL, M0 = f"{SUB}/perf/{SUB}_asl", f"{SUB}/perf/{SUB}_m0scan"
_M0_KEYS = {
    "IntendedFor": f"bids::{ASL}.nii.gz", "RepetitionTimePreparation": 4.0, "EchoTime": 0.01,
    "NonlinearGradientCorrection": False,
}  # fmt: skip
_M0 = both(
    put(f"{M0}.nii.gz", gz(nifti((4, 4, 3), values=(9, 8)))),
    put(f"{M0}.json", as_json(_M0_KEYS)),
)
CTZ = f"{CT}.nii.gz"
PIPELINE = {**DERIVATIVE, "Name": "Lungs", "GeneratedBy": [{"Name": "seg", "Version": "1"}]}
CITED = (
    b"cff-version: 1.2.0\nmessage: cite\ntitle: Made up\nlicense: CC0-1.0\n"
    b"authors:\n  - family-names: Nobody\n    given-names: N.\n"
)

VARIATIONS = (
    # inheritance
    *(
        Variation(
            f"a folder that .bidsignore names as {line}",
            BIDS,
            both(put(".bidsignore", f"{line}\n".encode()), put("extra_data/x.bin", b"x")),
        )
        for line in ("extra_data/", "extra_data/**", "**/extra_data/")
    ),
    Variation("a kernel as a text", MIDS, keys(f"{CT}.json", {"ConvolutionKernel": "B40f"})),
    Variation(
        "a segmentation stored from the other side",
        MIDS,
        put(
            f"{DSEG}.nii.gz", gz(nifti((4, 4, 3), affine=(0.5, 0, 0, -0.5, 0, 0.5, 0, 2, 0, 0, 2.0, 3), values=(0, 1)))
        ),
    ),
    Variation("keys of a CT above its session", MIDS, lift("sub-S02/sub-S02_ct.json", f"{CT}.json")),
    Variation("keys of a CT in its session", MIDS, lift("sub-S02/ses-E02/sub-S02_ses-E02_ct.json", f"{CT}.json")),
    Variation("keys of a CT at the top", MIDS, lift("ct.json", f"{CT}.json")),
    Variation("keys of a CT at the top, by body part", MIDS, lift("bp-chest_ct.json", f"{CT}.json")),
    Variation("keys of radiographs at the top", MIDS, lift("dx.json", f"{RX}.json", f"{RX2}.json")),
    Variation("keys of a T1w at the top", MIDS, lift("T1w.json", f"{T1W}.json")),
    Variation("keys of a bold at the top", MIDS, lift("task-rest_bold.json", f"{BOLD}.json")),
    Variation(
        "gradients above their volume", MIDS, both(move(f"{DWI}.bval", "dwi.bval"), move(f"{DWI}.bvec", "dwi.bvec"))
    ),
    Variation("keys of an eeg at the top", BIDS, lift("task-rest_eeg.json", f"{EEG}_eeg.json")),
    Variation("keys of a bold in its subject", BIDS, lift(f"{SUB}/{SUB}_task-rest_bold.json", f"{FUNC}.json")),
    Variation(
        "channels above their recording", BIDS, move(f"{EEG}_channels.tsv", f"{SUB}/{SUB}_task-rest_channels.tsv")
    ),
    Variation("a dictionary of events at the top", BIDS, move(f"{EEG}_events.json", "task-rest_events.json")),
    # what lies at the top
    Variation("a README without an extension", MIDS, move("README.md", "README")),
    Variation("a README in reStructuredText", MIDS, move("README.md", "README.rst")),
    Variation("a licence beside it", MIDS, put("LICENSE", b"CC0\n")),
    Variation(
        "scripts in code/", MIDS, both(put("code/convert.py", b"print(1)\n"), put("code/README.md", b"Scripts.\n"))
    ),
    Variation("tables of the source in sourcedata/", MIDS, put("sourcedata/list.tsv", b"a\tb\n1\t2\n")),
    Variation("stimuli", BIDS, put("stimuli/word.txt", b"word\n")),
    Variation(
        "files of DataLad",
        MIDS,
        both(put(".gitattributes", b"* annex.backend=MD5E\n"), put(".datalad/config", b"[datalad]\n")),
    ),
    Variation("no CHANGES", MIDS, drop("CHANGES")),
    Variation(
        "a citation instead of authors",
        BIDS,
        both(put("CITATION.cff", CITED), keys(DESCRIPTION, {"Authors": None, "License": None})),
    ),
    Variation(
        "all that a description may say",
        MIDS,
        keys(
            DESCRIPTION,
            {
                "Acknowledgements": "We thank all.",
                "Funding": ["Grant 1"],
                "EthicsApprovals": ["Approved"],
                "ReferencesAndLinks": ["https://bids.neuroimaging.io"],
                "HowToAcknowledge": "Cite us.",
                "Keywords": ["CT"],
            },
        ),
    ),
    Variation(
        "links to other datasets", MIDS, keys(DESCRIPTION, {"DatasetLinks": {"phantom": "https://example.org/x"}})
    ),
    Variation("a DOI", MIDS, keys(DESCRIPTION, {"DatasetDOI": "doi:10.5281/zenodo.123456"})),
    Variation("own keys in a description", MIDS, keys(DESCRIPTION, {"OurKey": {"a": 1}})),
    Variation("authors in other scripts", BIDS, keys(DESCRIPTION, {"Authors": ["José Ñandú", "李雷"]})),
    Variation(
        "the derivative of another pipeline",
        MIDS,
        both(
            put(f"derivatives/lungs/{DESCRIPTION}", as_json(PIPELINE)),
            put("derivatives/lungs/sub-S02.html", b"<html></html>"),
        ),
    ),
    # tables
    Variation("participants in another order", MIDS, _rows(PEOPLE)),
    Variation("columns in another order", MIDS, _rows(PEOPLE, reverse_columns=True)),
    Variation("images in another order", MIDS, _rows(SCANS)),
    Variation(
        "a column of one's own, described",
        MIDS,
        both(
            column(PEOPLE, "smoker", "yes", "no"),
            dictionary("smoker", Description="Smokes", Levels={"yes": "Does", "no": "Does not"}),
        ),
    ),
    Variation(
        "a column with a unit",
        MIDS,
        both(column(PEOPLE, "weight", "70.5", "n/a"), dictionary("weight", Description="Weight", Units="kg")),
    ),
    Variation(
        "levels with links",
        MIDS,
        both(
            column(PEOPLE, "stage", "early", "late"),
            dictionary(
                "stage",
                Description="Stage",
                Levels={
                    "early": {"Description": "Early", "TermURL": "https://example.org/1"},
                    "late": {"Description": "Late"},
                },
            ),
        ),
    ),
    Variation("a description of a column of other subjects", MIDS, dictionary("lesion_side", Description="Side")),
    Variation("the same sex in each session", MIDS, column(SESSIONS, "sex", "F")),
    Variation("an unknown sex in a session", MIDS, column(SESSIONS, "sex", "n/a")),
    Variation("rows of how images were made", MIDS, table(MADE, "filename", f"{RX}.png", f"{RX2}.png")),
    Variation("an unknown age", BIDS, cell(PEOPLE, 2, "age", "n/a")),
    Variation("an age with decimals", BIDS, cell(PEOPLE, 2, "age", "25.5")),
    Variation("another sex", MIDS, cell(PEOPLE, 2, "sex", "O")),
    Variation("fractions of a second", MIDS, cell(SCANS, 2, "acq_time", "1920-01-02T10:00:00.123456")),
    Variation("an unknown time", MIDS, cell(SCANS, 2, "acq_time", "n/a")),
    Variation("a visit in universal time", MIDS, cell(SESSIONS, 2, "acq_time", "1920-01-02T10:00:00Z")),
    Variation("a last line without its end", MIDS, lambda files: {**files, PEOPLE: files[PEOPLE].rstrip(b"\n")}),
    Variation("an onset before the recording", BIDS, cell(f"{EEG}_events.tsv", 2, "onset", "-2.5")),
    Variation("an onset with an exponent", BIDS, cell(f"{EEG}_events.tsv", 2, "onset", "2.0e1")),
    Variation("an event of unknown length", BIDS, cell(f"{EEG}_events.tsv", 2, "duration", "n/a")),
    Variation("responses", BIDS, column(f"{EEG}_events.tsv", "response_time", "0.5")),
    # names
    Variation("a plus in a label", MIDS, rename(T1W, T1W.replace("_run-1", "_acq-hi+res_run-1"))),
    Variation("a padded run", MIDS, rename(T1W, T1W.replace("_run-1", "_run-01"))),
    Variation("a reconstruction", MIDS, rename(T1W, T1W.replace("_run-1", "_rec-norm_run-1"))),
    # sidecars
    Variation(
        "a sidecar on one line",
        MIDS,
        lambda files: {**files, f"{CT}.json": json.dumps(json.loads(files[f"{CT}.json"])).encode()},
    ),
    Variation("own keys", MIDS, keys(f"{CT}.json", {"OurNumber": 3, "OurList": [1, 2], "OurObject": {"a": 1}})),
    Variation("accents", MIDS, keys(f"{RX}.json", {"OurNote": "Tórax"})),
    Variation("whole numbers for real ones", MIDS, keys(f"{CT}.json", {"KVP": 120})),
    Variation(
        "ordinary times of an MR",
        MIDS,
        keys(
            f"{T1W}.json",
            {
                "RepetitionTime": 2.3,
                "EchoTime": 0.00298,
                "InversionTime": 0.9,
                "FlipAngle": 9,
                "MagneticFieldStrength": 2.89,
            },
        ),
    ),
    Variation("a file of a derivative as source", MIDS, keys(f"{DSEG}.json", {"Sources": [f"bids::{CTZ}"]})),
    # images
    Variation("an interval of the display", MIDS, header(CTZ, 124, "2f", 1000.0, -1000.0)),
    Variation(
        "the size of a pixel in a png",
        MIDS,
        put(f"{RX}.png", png(8, 6, before=chunk(b"pHYs", struct.pack(">IIB", 3937, 3937, 1)))),
    ),
    Variation("a gamma in a png", MIDS, put(f"{RX}.png", png(8, 6, before=chunk(b"gAMA", struct.pack(">I", 45455))))),
    Variation("colours of structures", MIDS, column(f"{DSEG}.tsv", "color", "#ff0000", "#00ff00")),
    Variation("times of slices", MIDS, keys(f"{BOLD}.json", {"SliceTiming": [0, 0.7, 1.4]})),
    Variation("a separate M0", BIDS, both(PAIR_ALONE, keys(f"{ASL}.json", {"M0Type": "Separate"}), _M0)),
    Variation("no M0", BIDS, both(PAIR_ALONE, keys(f"{ASL}.json", {"M0Type": "Absent"}))),
    Variation("a structure that the image lacks", MIDS, swap(f"{DSEG}.tsv", b"2\tnodule\n", b"2\tnodule\n3\tlobe\n")),
)
