"""Single defects of segmentations, references, dates, labels and privacy: see `benchmarks.single.images`."""

import numpy as np

from benchmarks.single.dataset import Drawn, gz, nifti, png, table

SESSIONS, TESTS = "sub-A1/sub-A1_sessions.tsv", "derivatives/ehr/laboratory_tests.tsv"
SCANS = "sub-A1/ses-E1/sub-A1_ses-E1_scans.tsv"
MARKS, BOXES = "derivatives/rois/marks.tsv", "derivatives/rois/lung_boxes.tsv"
LABELS, TREE, REPORTS = (
    "derivatives/labels/labels.tsv",
    "derivatives/labels/label_tree.tsv",
    "derivatives/ehr/reports.tsv",
)
ABOUT = "dataset_description.json"


# --- segmentations ---------------------------------------------------------------------------------------


def picture_values(d: Drawn) -> str:
    """A PNG of labels with a value that its table does not name, or a PNG mask of 0 and another value."""
    if d.dice.random() < 0.5:
        d.files[f"{d.picture_dseg}.png"] = png(d.arrays[d.picture_dseg] * d.dice.choice((7, 60, 127)))
        return d.picture_dseg
    values = d.arrays[d.picture_mask] * d.dice.choice((2, 7, 128, 254))
    d.files[f"{d.picture_mask}.png"] = png(values.astype(d.dice.choice((np.uint8, np.uint16))))
    return d.picture_mask


def scaled_values(d: Drawn) -> str:
    """A segmentation whose slope, or type, makes other values than its table has."""
    stem, image = d.dice.choice((d.dseg, d.mask)), d.ct[0]
    kind, slope = d.dice.choice((("B", 0.25), ("B", 3.0), ("f", 1.7), ("i", 70000.0)))
    d.files[f"{stem}.nii.gz"] = gz(nifti(d.arrays[stem], d.affines[image], kind, slope=slope))
    return stem


def moved_mask(d: Drawn) -> str:
    """A segmentation on another grid: half a voxel off, of another size by a few per cent, turned, flipped."""
    stem, affine = d.dice.choice((d.dseg, d.mask)), d.affines[d.ct[0]].copy()
    how = d.dice.randrange(5)
    if how == 0:
        affine[:3, 3] += affine[:3, :3] @ [0.5, 0, 0]
    elif how == 1:
        affine[0, 0] *= 1.04
    elif how == 2:
        affine[2, 2] *= 1.1
    elif how == 3:
        affine[:, 0] = -affine[:, 0]
    else:
        angle = np.deg2rad(4)
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        affine[:3, :3] = turn @ affine[:3, :3]
    d.files[f"{stem}.nii.gz"] = gz(nifti(d.arrays[stem], affine, "B"))
    return stem


def odd_lookup(d: Drawn) -> str:
    """A table of values with a value or a name twice, another header, a word for a number, no name."""
    stem = d.dice.choice((d.dseg, d.picture_dseg))
    rows = d.dice.choice(
        (
            ("index|name", "1|lung", "1|heart", "2|nodule"),
            ("index|name", "1|lung", "2|Lung"),
            ("value|label", "1|lung", "2|x"),
            ("index|label", "1|lung", "2|nodule"),
            ("index|name", "one|lung", "1|heart", "2|nodule"),
            ("index|name", "1|n/a", "2|nodule"),
            ("index|name", "1.5|lung", "1|heart", "2|nodule"),
            ("index|name", "1|lung"),
            ("Index|Name", "1|lung", "2|nodule"),
        )
    )
    d.files[f"{stem}.tsv"] = table(*rows)
    return stem


# --- references ------------------------------------------------------------------------------------------


def odd_source(d: Drawn) -> str:
    """Sources of a segmentation: another patient's image, none that is there, another of the same patient, no URI."""
    stem = d.dice.choice((d.dseg, d.mask))
    source = d.dice.choice(
        (
            f"bids::{d.ct[1]}.nii.gz",
            f"bids::{d.ct[0].replace('run-1', 'run-4')}.nii.gz",
            f"bids::{d.mr}.nii.gz",
            f"bids:raw:{d.ct[0]}.nii.gz",
            f"bids:/{d.ct[0]}.nii.gz",
            f"{d.ct[1]}.nii.gz",
        )
    )
    d.keys(f"{stem}.json", Sources=[source])
    return stem


def odd_link(d: Drawn) -> str:
    """IntendedFor or a BIDS URI that leads nowhere or to another subject; a B0 field that nobody has."""
    stem = d.dice.choice((d.mr, d.bold))
    changes: list[dict[str, object]] = [
        {"IntendedFor": "ses-E2/func/sub-A1_ses-E2_task-rest_run-2_bold.nii.gz"},
        {"IntendedFor": [f"bids::{d.bold}.nii.gz", f"bids::{d.bold}_2.nii.gz"]},
        {"IntendedFor": f"bids::{d.ct[1]}.nii.gz"},
        {"B0FieldSource": ["pepolar9"]},
        {"B0FieldSource": "none0"},
        {"Sources": ["bids::sub-A9/anat/sub-A9_T1w.nii.gz"]},
        {"IntendedFor": f"bids::{d.bold}.json"},
        {"AssociatedEmptyRoom": "sub-emptyroom/ses-1/meg/sub-emptyroom_ses-1_meg.fif"},
    ]
    d.keys(f"{stem}.json", **d.dice.choice(changes))
    return stem


def marks_elsewhere(d: Drawn) -> str:
    """A mark or a box outside of its image, or of another patient's image."""
    how = d.dice.randrange(7)
    changes = (
        (MARKS, "|2|point|", f"|{d.dice.randint(12, 900)}|point|"),
        (MARKS, "|2|point|", "|-3|point|"),
        (MARKS, "[[3.5,4.5]]", "[[9000,4.5]]"),
        (MARKS, "[[1.5,4.5],[7.0,8.0]]", "[[1.5,4.5],[7.0,80.0]]"),
        (BOXES, "|2|3|10|8", f"|{d.dice.randint(40, 400)}|3|10|8"),
        (BOXES, "|2|3|10|8", "|2|3|-10|8"),
        (BOXES, "|2|3|10|8", "|2|3|10|300"),
    )
    path, old, new = changes[how]
    d.swap(path, old.replace("|", "\t"), new.replace("|", "\t"))
    return path


def contour_elsewhere(d: Drawn) -> str:
    """A contour of a segmentation outside of its image."""
    contour = d.dice.choice(
        (
            {"Label": "nodule", "Slice": 99, "Points": [[1, 1], [2, 1]]},
            {"Label": "nodule", "Slice": 1, "Points": [[1, 1], [400, 1]]},
            {"Label": "nodule", "Slice": 1, "Points": [[1, -30], [4, 1]]},
        )
    )
    d.keys(f"{d.mask}.json", Contours=[contour])
    return d.mask


def region_of_another(d: Drawn) -> str:
    """Marks or boxes under the other patient's name."""
    path = d.dice.choice((MARKS, BOXES))
    lines = d.files[path].decode().splitlines()
    cells = [line.split("\t") for line in lines]
    cells[1][0], cells[2][0] = cells[2][0], cells[1][0]
    d.files[path] = ("\n".join("\t".join(row) for row in cells) + "\n").encode()
    return path


# --- labels ----------------------------------------------------------------------------------------------


def labels_of_another(d: Drawn) -> str:
    """The labels of two reports exchanged: their lists, their reports, or their people."""
    lines = [line.split("\t") for line in d.files[LABELS].decode().splitlines()]
    columns = d.dice.choice(((3, 4), (2,), (0, 1), (1,)))
    for column in columns:
        lines[1][column], lines[2][column] = lines[2][column], lines[1][column]
    d.files[LABELS] = ("\n".join("\t".join(line) for line in lines) + "\n").encode()
    return LABELS


def reports_of_another(d: Drawn) -> str:
    """The texts, the people or the visits of two reports exchanged."""
    lines = [line.split("\t") for line in d.files[REPORTS].decode().splitlines()]
    for column in d.dice.choice(((3,), (0, 1), (2,), (1,))):
        lines[1][column], lines[2][column] = lines[2][column], lines[1][column]
    d.files[REPORTS] = ("\n".join("\t".join(line) for line in lines) + "\n").encode()
    return "derivatives/"


def unknown_node(d: Drawn) -> str:
    """A sentence's label that the tree does not hold, or a tree without a root."""
    if d.dice.random() < 0.5:
        text = d.files[LABELS].decode()
        at = text.rindex('"]]')
        d.files[LABELS] = (
            text[:at] + f'","loc {d.dice.choice(("nowhere", "upper sixth"))}"]]' + text[at + 3 :]
        ).encode()
        return LABELS
    d.swap(TREE, "finding\tfinding", "finding\tfindings")
    return TREE


# --- dates and descriptions ------------------------------------------------------------------------------


def exchanged_visits(d: Drawn) -> str:
    """The dates of two visits are exchanged in the table of sessions."""
    d.swap(SESSIONS, "1920-01-02", "x")
    d.swap(SESSIONS, "1921-07-05", "1920-01-02")
    d.swap(SESSIONS, "\tx", "\t1921-07-05")
    return "sub-A1"


def another_day(d: Drawn) -> str:
    """A scan, a session or a test has a date months or years away from the others of its patient."""
    day = d.dice.choice(("1920-04-02", "1918-01-02", "1896-01-03", "1920-08-30", "1922-11-11"))
    how = d.dice.randrange(3)
    if how == 0:
        d.swap(SCANS, "1920-01-02", day)
        return "sub-A1"
    if how == 1:
        d.swap(SESSIONS, "1920-01-02", day)
        return "sub-A1"
    d.swap(TESTS, "1920-01-05", d.dice.choice(("1896-01-03", "1911-05-05", "1880-02-02")))
    return TESTS


def impossible_ages(d: Drawn) -> str:
    """The ages of two visits do not fit the time between them."""
    d.swap(SESSIONS, "\t41\n", f"\t{d.dice.choice((45, 52, 61))}\n")
    return "sub-A1"


def no_doi(d: Drawn) -> str:
    """DatasetDOI, or that of a source, is none."""
    doi = d.dice.choice(
        (
            "TODO",
            "doi:",
            "https://example.org/dataset",
            "10.1234",
            "n/a",
            "zenodo.1234567",
            "doi:10.12/abc def",
            "10.0.2.3/x",
        )
    )
    d.keys(ABOUT, **d.dice.choice(({"DatasetDOI": doi}, {"SourceDatasets": [{"DOI": doi}]})))
    return ABOUT


KINDS = (
    picture_values,
    scaled_values,
    moved_mask,
    odd_lookup,
    odd_source,
    odd_link,
    marks_elsewhere,
    contour_elsewhere,
    region_of_another,
    labels_of_another,
    reports_of_another,
    unknown_node,
    exchanged_visits,
    another_day,
    impossible_ages,
    no_doi,
)
