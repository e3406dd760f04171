"""Writes a count-true twin as a dataset, so that the commands can be tried on the numbers of a paper.

    python -m example_datasets.twin_folders NAME FOLDER

NAME is a function of `generators/twins.py`. Volumes have as many slices as the twin says, of one voxel each; the
pictures themselves are absent, for nothing counts their pixels.
"""

import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from example_datasets.generators import twins
from mids.analysis.counting import LABELS, SIDECAR_KEYS, TESTS, Tables

SCANS = ("filename", "acq_time", "modality", "view_position", "patient_position")


def write(twin: Tables, root: Path) -> Path:
    """Writes the tables, a sidecar for each image, and the header of each volume."""
    root.mkdir(parents=True)
    about = {"Name": "A count-true twin", "BIDSVersion": "1.10.1", "License": "CC0-1.0", "Authors": ["Nobody"]}
    (root / "dataset_description.json").write_text(json.dumps(about), encoding="utf-8")
    _table(twin.participants, root / "participants.tsv")
    _table(twin.tests, root / TESTS)
    _table(twin.labels, root / LABELS)
    for subject, rows in twin.sessions.groupby("participant_id") if len(twin.sessions) else ():
        _table(rows.drop(columns="participant_id"), root / f"{subject}/{subject}_sessions.tsv")
    facts = {str(row["filename"]): row for row in twin.facts.to_dict("records")}
    visits: dict[str, list[Mapping[str, object]]] = defaultdict(list)
    for scan in twin.scans.to_dict("records"):
        path = str(scan["filename"])
        folder, inside = "/".join(path.split("/")[:2]), "/".join(path.split("/")[2:])
        visits[folder].append({**{str(key): scan.get(key) for key in SCANS}, "filename": inside})
        _image(root / path, facts.get(path, {}))
    for folder, found in visits.items():
        _table(pd.DataFrame(found), root / folder / f"{folder.replace('/', '_')}_scans.tsv")
    return root


def _table(frame: pd.DataFrame, path: Path) -> None:
    if len(frame):
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_csv(path, sep="\t", index=False, na_rep="n/a", lineterminator="\n", quoting=3, escapechar=None)


def _image(path: Path, fact: Mapping[object, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {str(key): fact[key] for key in SIDECAR_KEYS if key in fact and not pd.isna(fact[key])}
    name = path.name.partition(".")[0]
    path.with_name(f"{name}.json").write_text(json.dumps(known), encoding="utf-8")
    if path.name.endswith(".nii.gz"):
        slices = fact.get("slices")
        depth = 1 if slices is None or pd.isna(slices) else int(float(str(slices)))
        volume = nib.Nifti1Image(np.zeros((1, 1, depth), np.int16), np.eye(4))
        path.write_bytes(gzip.compress(volume.to_bytes(), 1, mtime=0))
    else:
        path.touch()


if __name__ == "__main__":
    write(getattr(twins, sys.argv[1])(), Path(sys.argv[2]))
