"""Releases of a small dataset with edits, and what a comparison must say of them."""

import io
import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mids.releases.compare import Changes
from mids.releases.tables import Names, TableChanges
from mids.releases.texts import Counts

EMPTY = Changes(Names(), Names(), Names(), (), (), (), {}, {}, {}, {}, Names(), (), ())
SIDECARS: Mapping[str, tuple[Mapping[str, Any], str, str]] = {
    "new key": ({"Modality": "DX", "KVP": 80, "Rows": 4}, "Rows", "added"),
    "no key": ({"Modality": "DX"}, "KVP", "removed"),
    "key": ({"Modality": "DX", "KVP": 80.5}, "KVP", "changed"),
}
"""What a sidecar becomes, and which key is then reported, and how."""
KINDS = ("gone", "come", "lost", "renamed", "pixels", "header", "label")


def picture(seed: int, *, text: str = "") -> bytes:
    """A PNG of its own pixels, with a text chunk."""
    info = PngInfo()
    info.add_text("Note", text)
    packed = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (4, 5), np.uint8)).save(packed, "PNG", pnginfo=info)
    return packed.getvalue()


class Release:
    """A dataset of `people` subjects with a session of two pictures each, and what its edits should be called."""

    def __init__(self, people: int) -> None:
        self.files: dict[str, bytes] = {"dataset_description.json": b"{}"}
        self.ages = {f"sub-S{number}": "40" for number in range(people)}
        self.labels: dict[str, str] = {}
        self.scans: dict[str, list[str]] = {}
        self.names: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        self.sidecars: dict[str, Counter[str]] = {}
        for subject in list(self.ages):
            self.add(subject, 10 * int(subject[5:]))

    def add(self, subject: str, seed: int) -> None:
        self.ages.setdefault(subject, "50")
        for run in (1, 2):
            path = f"{subject}/ses-1/mim-rx/{subject}_ses-1_run-{run}_bp-chest_vp-pa_dx"
            self.files[f"{path}.png"] = picture(seed + run)
            self.files[f"{path}.json"] = b'{"Modality": "DX", "KVP": 80}'
            self.labels[path] = "normal"
            self.scans.setdefault(subject, []).append(path)

    def drop(self, path: str) -> None:
        del self.files[f"{path}.png"], self.files[f"{path}.json"], self.labels[path]
        self.scans[path.split("/")[0]].remove(path)

    def leave(self, subject: str) -> None:
        """The subject goes."""
        self.names["gone"].append(subject)
        for path in list(self.scans[subject]):
            self.edit(path, "remove", 0)
        del self.ages[subject], self.scans[subject]

    def edit(self, path: str, edit: str, number: int) -> None:
        """One edit of one image of the subject with that number."""
        if edit == "pixels":
            self.files[f"{path}.png"] = picture(1000 + number)
            self.names["pixels"].append(f"{path}.png")
        elif edit == "header":
            self.files[f"{path}.png"] = picture(10 * number + int(path.split("_run-")[1][0]), text="reviewed")
            self.names["header"].append(f"{path}.png")
        elif edit == "rename":
            self.names["renamed"].append((f"{path}.png", f"{self.rename(path)}.png"))
        elif edit == "remove":
            self.drop(path)
            self.names["lost"].append(path)
        elif edit == "label":
            self.labels[path] = "pneumonia"
            self.names["label"].append(path)
        elif edit in SIDECARS:
            content, key, what = SIDECARS[edit]
            self.files[f"{path}.json"] = json.dumps(content).encode()
            self.sidecars.setdefault(key, Counter())[what] += 1

    def rename(self, path: str) -> str:
        name = path.replace("vp-pa", "vp-ap")
        for extension in (".png", ".json"):
            self.files[name + extension] = self.files.pop(path + extension)
        self.labels[name] = self.labels.pop(path)
        scans = self.scans[path.split("/")[0]]
        scans[scans.index(path)] = name
        return name

    def write(self, root: Path, *, backwards: bool = False) -> Path:
        """Writes the files and tables; `backwards`: in another order of rows."""
        shutil.rmtree(root, ignore_errors=True)
        tables = {
            "participants.tsv": ["participant_id\tage", *(f"{name}\t{age}" for name, age in self.ages.items())],
            "derivatives/labels/labels.tsv": [
                "participant_id\tsession_id\tfilename\tlabels",
                *(f"{p.split('/')[0]}\tses-1\t{p}.png\t{json.dumps([word])}" for p, word in self.labels.items()),
            ],
            **{
                f"{subject}/ses-1/{subject}_ses-1_scans.tsv": [
                    "filename\tmodality", *(f"{path.split('/', 2)[2]}.png\tdx" for path in paths)
                ]
                for subject, paths in self.scans.items()
            },
        }  # fmt: skip
        rows = {path: [lines[0], *(reversed(lines[1:]) if backwards else lines[1:])] for path, lines in tables.items()}
        texts = {path: ("\n".join(lines) + "\n").encode() for path, lines in rows.items()}
        for path, data in (self.files | texts).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        return root


def edited(people: list[str], edits: list[str], newcomers: int) -> Release:
    """A release of which some people left, grew older or had images edited, and to which some came."""
    release = Release(len(people))
    for number, action in enumerate(people):
        subject = f"sub-S{number}"
        if action == "remove":
            release.leave(subject)
            continue
        if action == "older":
            release.ages[subject] = "41"
        for path, edit in zip(list(release.scans[subject]), edits[2 * number :], strict=False):
            release.edit(path, edit, number)
    for number in range(newcomers):
        release.add(f"sub-T{number}", 500 + 10 * number)
        release.names["come"].append(f"sub-T{number}")
    return release


def expected_tables(release: Release, older: int) -> dict[str, TableChanges]:
    """The tables that changed, where `older` people are of another age."""
    names = release.names
    newcomers, gone, relabelled = len(names["come"]), len(names["gone"]), len(names["label"])
    gained, lost = 2 * newcomers, len(names["lost"])
    tables = {
        "participants.tsv": TableChanges(Names(), newcomers, gone, older, {"age": older} if older else {}),
        "*_scans.tsv": TableChanges(Names(), gained, lost),
        "derivatives/labels/labels.tsv": TableChanges(
            Names(), gained, lost, relabelled, {"labels": relabelled} if relabelled else {}
        ),
    }
    return {name: change for name, change in sorted(tables.items()) if change}


def expected_changes(release: Release, people: list[str]) -> Changes:
    """What a comparison of the first release of these people with the edited one must say."""
    names = release.names
    before, after = Counter(Release(len(people)).labels.values()), Counter(release.labels.values())
    return replace(
        EMPTY,
        subjects=Names(tuple(names["come"]), tuple(names["gone"])),
        sessions=Names(tuple(f"{s}/ses-1" for s in names["come"]), tuple(f"{s}/ses-1" for s in names["gone"])),
        images=Names(
            tuple(f"{path}.png" for subject in names["come"] for path in release.scans[subject]),
            tuple(sorted(f"{path}.png" for path in names["lost"])),
        ),
        renamed=tuple(sorted(names["renamed"])),
        pixels=tuple(sorted(names["pixels"])),
        headers=tuple(sorted(names["header"])),
        tables=expected_tables(release, people.count("older")),
        sidecars={key: Counts(**counts) for key, counts in sorted(release.sidecars.items())},
        labels={word: (before[word], after[word]) for word in ("normal", "pneumonia") if before[word] != after[word]},
    )
