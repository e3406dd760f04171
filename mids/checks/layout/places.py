"""What lies where: links, unreadable entries, the files and folders at the top, descriptions."""

import re
from collections import Counter
from collections.abc import Iterator

from mids.dataset.disk.tree import CLOSED, TOPS, Oddity
from mids.inspection.facts import MARK, holds_anything
from mids.inspection.paths import classify_path
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level

TOP_FILES = re.compile(
    r"(README|CHANGES|LICENSE|LICENCE)(\.md|\.txt|\.rst)?|CITATION\.cff|dataset_description\.json"
    r"|(participants|samples)\.(tsv|json)|(scans|sessions|genetic_info)\.json"
    r"|(\w+-[0-9a-zA-Z+]+_)*[0-9a-zA-Z]+\.(json|bval|bvec|tsv)"
)
TOP_FOLDERS = CLOSED | {"derivatives", "phenotype"}


def _report_odd_entries(dataset: DatasetView, kind: Oddity, message: str) -> Iterator[Finding]:
    return (Finding(message, path=odd.path) for odd in dataset.tree.odd if odd.kind == kind)


@check("LINK_BROKEN", per="dataset")
def link_broken(dataset: DatasetView) -> Found:
    """A symbolic link leads to nothing, or to itself.

    Why: The file that it stands for is missing.

    Fix: Restore the target (`datalad get` for a DataLad dataset), or remove the link.
    """
    yield from _report_odd_entries(dataset, "broken", "the link leads to nothing")
    if dataset.facts.missing == "report":
        yield from _report_odd_entries(dataset, "absent", "git-annex has not fetched the content of this file")


@check("CONTENT_MISSING", per="bids", when=lambda file: file.is_pointer)
def content_missing(file: FileView) -> Found:
    """A line of git-annex or Git LFS stands in place of the content of a file.

    Why: The content was not fetched, and could not be checked.

    Fix: Fetch it (`git lfs pull`, `datalad get`, `git annex get`), or give `--missing-content allow`.
    """
    if file.dataset.facts.missing == "report":
        yield "a pointer stands in place of the content"


@check("DATASET_HOLLOW", per="dataset", level=Level.WARNING)
def dataset_hollow(dataset: DatasetView) -> Found:
    """Nearly all recordings of the dataset, three in four at least, are empty files, or all of a kind, two at least.

    Why: Only names, tables and sidecars could be checked.

    Fix: Fetch the images; nothing, if the dataset is an example of structure (`--missing-content allow`).
    """
    if dataset.facts.hollow and dataset.facts.missing == "report":
        yield "nearly all recordings are empty: only names, tables and sidecars were checked"
    elif dataset.facts.bare and dataset.facts.missing == "report":
        message = "all recordings of these kinds are empty: only their names and sidecars were checked"
        yield Finding(message, value=" ".join(sorted(dataset.facts.bare))[:200])


@check("LINK_LOOP", per="dataset")
def link_loop(dataset: DatasetView) -> Found:
    """A symbolic link leads to a folder that contains it.

    Why: Programs that follow links never end, or read every file many times.

    Fix: Remove the link.
    """
    return _report_odd_entries(dataset, "loop", "the link leads to a folder that contains it")


@check("LINK_OUTSIDE", per="dataset")
def link_outside(dataset: DatasetView) -> Found:
    """A symbolic link leads out of the dataset.

    Why: A copy or publication of the dataset is incomplete. The target was not checked.

    Fix: Replace the link by a copy of its target.
    """
    return _report_odd_entries(dataset, "outside", "the link leads out of the dataset")


@check("LINK_FOLDER", per="dataset", level=Level.WARNING)
def link_folder(dataset: DatasetView) -> Found:
    """A symbolic link leads to another folder of the dataset.

    Why: Its files would count twice. The link was not followed.

    Fix: Remove the link.
    """
    return _report_odd_entries(
        dataset, "folder", "the link leads to another folder of the dataset; it was not followed"
    )


@check("FILE_SPECIAL", per="dataset")
def file_special(dataset: DatasetView) -> Found:
    """An entry is not a file, a folder or a link, but a pipe, a socket or a device.

    Why: Reading it can block for ever, and it can't be published.

    Fix: Remove it.
    """
    return _report_odd_entries(dataset, "special", "the entry is a pipe, a socket or a device")


@check("FILE_UNREADABLE", per="dataset")
def file_unreadable(dataset: DatasetView) -> Found:
    """A file or a folder can't be read.

    Why: Its content could not be checked.

    Fix: Correct its permissions, or repair its disk or network share.
    """
    return _report_odd_entries(dataset, "unreadable", "the folder can't be read")


@check("NAME_ENCODING", per="dataset")
def name_encoding(dataset: DatasetView) -> Found:
    """The name of a file or folder is not UTF-8.

    Why: It can't be written into a table, and other systems show it differently or refuse it.

    Fix: Rename it with ASCII letters and digits.
    """
    return _report_odd_entries(dataset, "encoding", "the name is not UTF-8")


@check("NAMES_COLLIDE", per="dataset")
def names_collide(dataset: DatasetView) -> Found:
    """Two paths differ only in upper and lower case.

    Why: On macOS and Windows one of the two files overwrites the other.

    Fix: Rename one of them so that they differ in more than case.
    """
    number = Counter(folder.casefold() for folder in dataset.tree.folders)
    everywhere: dict[str, str] = {}
    # Files follow each other folder by folder, each followed by those below it: what is left of a folder is forgotten.
    above: list[tuple[str, dict[str, str]]] = []
    for path in dataset.tree.files:
        folder = path.rpartition("/")[0]
        while above and above[-1][0] not in ("", folder) and not folder.startswith(f"{above[-1][0]}/"):
            above.pop()
        if not above or above[-1][0] != folder:
            above.append((folder, everywhere if number[folder.casefold()] > 1 else {}))
        other = above[-1][1].setdefault(path.casefold(), path)
        if other != path:
            yield Finding("another path differs from this one only in case", value=path, expected=other, path=path)


@check("ZERO_BYTES", per="dataset")
def zero_bytes(dataset: DatasetView) -> Found:
    """An image or another recording, a sidecar or a table is empty.

    Why: An interrupted copy leaves such files.

    Fix: Restore the file, or remove it.
    """
    for path, size in dataset.tree.files.items():
        if not size and (path.startswith(TOPS) or dataset.raw or classify_path(path) != "other"):
            file = dataset.view(path)
            if dataset.raw and file.kind == "other":
                continue
            if file.is_folder:
                if not (file.may_lack_content or file.is_ignored or holds_anything(dataset.place(path))):
                    yield Finding("the folder holds nothing but empty files", path=path)
            elif not (file.is_without_content or file.is_ignored or file.is_opaque):
                yield Finding("the file is empty", path=path)


@check("TOP_LEVEL_UNKNOWN", per="dataset", level=Level.WARNING)
def top_level_unknown(dataset: DatasetView) -> Found:
    """Neither BIDS nor MIDS defines a file or folder at the top of the dataset.

    Why: Nobody knows its purpose, and it was not checked for identifiers of patients.

    Fix: Move it to `sourcedata/`, `code/` or `derivatives/<name>/`, or name it in `.midsignore`.
    """
    for path in dataset.tree.near:
        if "/" not in path and not TOP_FILES.fullmatch(path) and not dataset.facts.leaves_out_top(path):
            yield Finding("the standard does not define this file", path=path)
    for folder in sorted(dataset.tree.folders):
        known = folder in TOP_FOLDERS or re.fullmatch("(sub|tpl)-[0-9a-zA-Z+]+", folder)
        if "/" not in folder and not known and not dataset.facts.leaves_out_top(folder):
            yield Finding("the standard does not define this folder", path=folder)


@check("SUBJECTS_MISSING", per="dataset")
def subjects_missing(dataset: DatasetView) -> Found:
    """The dataset has no subject folder.

    Why: It is empty, or the given folder is not the top of a dataset.

    Fix: Give the folder that holds dataset_description.json and the `sub-…` folders.
    """
    has_data = any(path.startswith((*TOPS, "phenotype/")) and "/" in path for path in dataset.tree.near)
    has_data = has_data or any(odd.path.startswith(TOPS) for odd in dataset.tree.odd)  # another check says what it is
    if not dataset.subjects and not has_data and dataset.facts.description.get("DatasetType") != "study":
        yield "there is no sub-<label> folder"


@check("SUBJECT_EMPTY", per="dataset", level=Level.WARNING)
def subject_empty(dataset: DatasetView) -> Found:
    """A subject folder or a session folder holds no image.

    Why: A conversion may have stopped there; counts of folders are too high.

    Fix: Restore the images, or remove the folder and its rows in the tables.
    """
    full = {folder for path in dataset.tree.near if _is_data(path) for folder in _list_folders_above(path)}
    # What can't be looked into may be or hold images; another check says so.
    full |= {above for path in dataset.facts.hidden for above in _list_folders_above(path)}
    for subject, sessions in dataset.subjects.items():
        if subject not in full:
            yield Finding("there is no image below this folder", path=subject)
        else:
            for folder in sorted(f"{subject}/{session}" for session in sessions):
                if folder not in full:
                    yield Finding("there is no image below this folder", path=folder)


def _is_data(path: str) -> bool:
    """Whether a file lies in a folder below that of its subject or session, and is no sidecar."""
    parent = path.rpartition("/")[0].rpartition("/")[2]
    return path.startswith("sub-") and not path.endswith(".json") and not parent.startswith(("sub-", "ses-"))


def _list_folders_above(path: str) -> tuple[str, str]:
    """The first folder of a path, and the first two."""
    first, _, rest = path.partition("/")
    return first, f"{first}/{rest.partition('/')[0]}"


@check("README_MISSING", per="dataset", level=Level.WARNING)
def readme_missing(dataset: DatasetView) -> Found:
    """The dataset has no README.

    Why: BIDS requires one, and without a description of its origin a dataset can hardly be used correctly.

    Fix: Write README.md: where the data come from, who may use them, what is known to be wrong.
    """
    if not any(path.startswith("README") and "/" not in path for path in dataset.tree.near):
        yield "there is no README.md"


@check("BIDSIGNORE_MISSING", per="dataset", level=Level.WARNING, mids=True)
def bidsignore_missing(dataset: DatasetView) -> Found:
    """The dataset has `mim-` folders, and its `.bidsignore` does not name them.

    Why: BIDS tools report every file in them as an error.

    Fix: Add the line `**/mim-*` to `.bidsignore`.
    """
    if any("/mim-" in folder for folder in dataset.tree.folders):
        path = dataset.tree.root / ".bidsignore"
        lines = path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
        if MARK not in (line.strip() for line in lines):
            yield Finding("the line that hides mim- folders from BIDS tools is missing", expected=MARK)


STRAYS = re.compile(
    r"(.*/)?(Thumbs\.db|desktop\.ini|ehthumbs\.db|Icon\r|~\$[^/]*|[^/]*~|#[^/]*#"
    r"|[^/]*\.(tmp|temp|bak|swp|orig|old|part|crdownload|lock|log|pyc|lnk|url)"
    r"|[^/]* - (Copy|copia)[^/]*|[^/]* \(\d+\)\.[^/]*|Copy of [^/]*|copia de [^/]*)",
    re.IGNORECASE,
)
"""What systems, editors, browsers and hasty copies leave behind."""
PLAIN = (".json", ".nii.gz", ".tsv", ".png")
"""Ends of names that are no leftovers unless there is a blank in them: almost all names of a large dataset."""
CARRIED = re.compile(r"(?!sub-).*(\.(tmp|bak|swp|orig|old|log)|~)", re.IGNORECASE)
"""Those of them of which PRIVACY_FILE says that they hold more than they show."""


@check("FILE_STRAY", per="dataset", level=Level.WARNING)
def file_stray(dataset: DatasetView) -> Found:
    """An operating system, an editor, a browser or a hasty copy left a file behind, such as Thumbs.db.

    Why: It is not part of the dataset, and such files can keep thumbnails, old versions or paths.

    Fix: Remove it.
    """
    for path in dataset.tree.files:
        is_plain = path.endswith(PLAIN) and " " not in path
        if not is_plain and "/" in path and STRAYS.fullmatch(path) and not CARRIED.fullmatch(path):
            yield Finding("this file is a leftover", path=path)
    yield from _report_odd_entries(dataset, "leftover", "this hidden entry is a leftover")
