"""The example sources of the other collections with canaries in their headers, tables, regions and pictures.

What a collection reads is left as it is; canaries go where no output may take anything from.
"""

import csv
import gzip
import io
import json
import re
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import nibabel as nib
from pydicom import dcmread
from pydicom.dataelem import DataElement

from example_datasets.canary import Cage
from example_datasets.canary_study import level, meta
from example_datasets.generators import (
    bimcv_covid19,
    bimcv_covid19_raw,
    covid19_ct,
    covid_chestxray,
    fidac,
    midrc_ricord_1a,
)
from example_datasets.generators.dicomfile import encode

PNG = b"\x89PNG\r\n\x1a\n"
GENERATORS: Mapping[str, Callable[[], Iterator[tuple[str, bytes]]]] = {
    "bimcv-covid19": bimcv_covid19.files,
    "bimcv-covid19-raw": bimcv_covid19_raw.files,
    "covid-chestxray": covid_chestxray.files,
    "covid19-ct": covid19_ct.files,
    "fidac": fidac.files,
    "midrc-ricord-1a": midrc_ricord_1a.files,
}

PARTING = ("IssuerOfPatientID", "PatientBirthDate")
"""Other in each series, these would part a patient."""
NAMELESS: Mapping[str, tuple[str, ...]] = {"covid19-ct": ("PatientName",)}
"""What no header of a collection has: a source with it is refused (`unexpected`)."""


def files(collection: str, cage: Cage, *, unexpected: bool = False) -> Iterator[tuple[str, bytes]]:
    """Every file of a collection's example source, with canaries.

    `unexpected`: tables have a column of names more, and headers name patients even where the collection's do not.
    """
    planter = _Planter(cage, unexpected, () if unexpected else NAMELESS.get(collection, ()))
    for path, content in GENERATORS[collection]():
        yield path, planter.planted(path, content)


@dataclass(slots=True)
class _Planter:
    """Puts canaries into files of any kind; slices of one series get the same ones, so that they stay one volume.

    Nothing goes behind compressed pixels: dcm2niix takes it for pixels and gives up.
    """

    cage: Cage
    unexpected: bool
    empty: tuple[str, ...]
    """Attributes without a canary, because the collection is known by their absence."""
    _added: dict[str, list[DataElement]] = field(default_factory=dict)

    def planted(self, path: str, content: bytes) -> bytes:
        """The file with canaries; one of an unknown kind as it is."""
        if content[128:132] == b"DICM":
            return self._dicom(path, content)
        if content.startswith(PNG):
            return _png(self.cage, path, content)
        if content.startswith(b"\xff\xd8"):
            return _jpeg(self.cage, path, content)
        if path.endswith(".nii.gz"):
            return _nifti(self.cage, path, content)
        if path.endswith(".xml"):
            return _aim(self.cage, path, content)
        if path.endswith(".json"):
            return json.dumps(_json(self.cage, path, json.loads(content))).encode()
        if path.lower().endswith(".zip"):
            return self._zip(content)
        if path.endswith((".tar", ".tar.gz")):
            return self._tar(path, content)
        if path.endswith("_sessions.tsv"):
            return _sessions(self.cage, path, content) if self.unexpected else content
        if path.endswith((".csv", ".tsv")) and (self.unexpected or path.rpartition("/")[2] in CELLS):
            return _table(self.cage, path, content, unexpected=self.unexpected)
        return content

    def _dicom(self, path: str, content: bytes) -> bytes:
        """Every attribute of the table that the file lacks, private ones, file meta and preamble."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an age of 60-70, which is no AS
            dataset = dcmread(io.BytesIO(content))
            key = str(dataset.SeriesInstanceUID)
            if key not in self._added:
                before = set(dataset.keys())
                for keyword in (*PARTING, *self.empty):
                    dataset.setdefault(keyword, "")
                self.cage.fill(level(self.cage, dataset, path), path)
                if dataset.file_meta.TransferSyntaxUID.is_compressed:
                    del dataset[0xFFFAFFFA], dataset[0xFFFCFFFC]
                self._added[key] = [dataset[tag] for tag in set(dataset.keys()) - before]
            for element in self._added[key]:
                dataset[element.tag] = element
            meta(self.cage, dataset, path)
            dataset.preamble = self.cage.word(path, part="preamble").encode().ljust(128, b"\x00")
            return encode(dataset)

    def _zip(self, content: bytes) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
            new.comment = self.cage.word("zip", part="comment").encode()
            for name in old.namelist():
                new.writestr(zipfile.ZipInfo(name), self.planted(name, old.read(name)))
        return buffer.getvalue()

    def _tar(self, path: str, content: bytes) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(content)) as old, tarfile.open(fileobj=buffer, mode="w") as new:
            for entry in old.getmembers():
                member = old.extractfile(entry)
                assert member is not None
                changed = self.planted(entry.name, member.read())
                entry.size, entry.uname = len(changed), self.cage.word(entry.name, part="owner")
                new.addfile(entry, io.BytesIO(changed))
        packed = buffer.getvalue()
        return _gzip(self.cage, path, packed) if path.endswith(".gz") else packed


# --- pictures and volumes ------------------------------------------------------------------------------------


def _png(cage: Cage, path: str, content: bytes) -> bytes:
    """Chunks of text, one compressed, one in UTF-8, an EXIF block, and bytes after the end."""
    words = [cage.word(path, part=kind).encode() for kind in ("tEXt", "zTXt", "iTXt", "eXIf", "end")]
    chunks = (
        (b"tEXt", b"Author\x00" + words[0]), (b"zTXt", b"Comment\x00\x00" + zlib.compress(words[1])),
        (b"iTXt", b"Title\x00\x00\x00\x00\x00" + words[2]), (b"eXIf", b"II*\x00\x08\x00\x00\x00" + words[3]),
    )  # fmt: skip
    packed = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    head = len(PNG) + 25  # IHDR, 13 bytes of content
    return content[:head] + packed + content[head:] + words[4]


def _jpeg(cage: Cage, path: str, content: bytes) -> bytes:
    """An application segment as cameras write it, and a comment (ISO/IEC 10918-1, B.2.4)."""
    application = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00" + cage.word(path, part="EXIF").encode()
    comment = f"{cage.word(path, part='COM')} {cage.day(path)}".encode()
    parts = ((b"\xff\xe1", application), (b"\xff\xfe", comment))
    return content[:2] + b"".join(m + struct.pack(">H", len(d) + 2) + d for m, d in parts) + content[2:]


def _nifti(cage: Cage, path: str, content: bytes) -> bytes:
    """All texts of the header, an extension (6: a comment; 2: DICOM), and the name in the gzip header."""
    image: Any = nib.Nifti1Image.from_bytes(gzip.decompress(content))
    for name in ("descrip", "aux_file", "intent_name", "db_name"):
        image.header[name] = cage.word(path, part=name).encode()
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", cage.word(path, part="comment").encode()))
    return _gzip(cage, path, image.to_bytes())


def _gzip(cage: Cage, path: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(cage.word(path, part="FNAME"), "wb", 6, buffer, mtime=0) as stream:
        stream.write(content)
    return buffer.getvalue()


# --- annotations and tables ----------------------------------------------------------------------------------


def _aim(cage: Cage, path: str, content: bytes) -> bytes:
    """Canaries for the person, who drew, and the equipment."""
    text = content.decode()
    for place in ("user", "equipment", "person"):
        head, start, rest = text.partition(f"<{place}>")
        body, end, tail = rest.partition(f"</{place}>")
        for number in range(body.count('value="')):
            own = (
                cage.day(path)
                if "birthDate" in body.split('value="')[number]
                else cage.word(path, part=f"{place} {number}")
            )
            parts = body.split('value="')
            parts[number + 1] = own + '"' + parts[number + 1].partition('"')[2]
            body = 'value="'.join(parts)
        text = head + start + body + end + tail
    return text.encode()


def _json(cage: Cage, path: str, content: Any) -> Any:
    """MD.ai's users, COCO's info, and in a sidecar what must not be there; other JSON as it is."""
    if isinstance(content, dict) and "labelGroups" in content:
        people = [
            {"id": "U_inv1", "name": cage.word(path, part="user"), "email": f"{cage.word(path, part='mail')}@x.org"}
        ]
        content |= {"users": people, "description": cage.word(path, part="description")}
        for entry in content["datasets"][0]["annotations"]:
            entry["createdByName"] = cage.word(path, part=f"name {entry['id']}")
            entry["reviews"] = [{"email": cage.word(path, part=f"review {entry['id']}")}]
    elif isinstance(content, dict) and "annotations" in content:
        content["info"] = {"contributor": cage.word(path, part="info"), "date_created": cage.day(path)}
        for image in content["images"]:
            image |= {"photographer": cage.word(path, part=f"image {image['id']}"), "date_captured": cage.day(path)}
    elif isinstance(content, dict) and "ResultSet" not in content:
        for keyword in ("InstitutionName", "StationName", "DeviceSerialNumber", "OperatorsName", "PatientID"):
            content[keyword] = cage.word(path, part=keyword)
        content |= {"PatientBirthDate": cage.day(path), "StudyInstanceUID": cage.uid(path)}
    return content


CELLS: Mapping[str, Mapping[str, str]] = {
    "pruebas_covid.csv": {"resultado": "{}"},
    "labels.tsv": {
        "Report": "Paciente: {}.",
        "report_deidentified": "Paciente: {}. Neumonía bibasal. Dr. {}",
        "Labels": "['pneumonia' '{}']",
        "LabelsLocalizationsBySentence": "['pneumonia' ' loc basal bilateral' '{}']",
    },
    "metadata.csv": {"clinical_notes": "Patient: {}. Opacity in the base. Dr. {}", "other_notes": "Dr. {}"},
}
"""What replaces cells of the first row of a table: names where values, labels and findings should stand."""
PUBLISHED = ("clinical_notes",)
"""Columns of collections whose texts are public already: they are repeated as they are."""


def _sessions(cage: Cage, path: str, content: bytes) -> bytes:
    """A name in a cell behind each report, in a column without a name; a report may have line ends and tabs in it."""
    header, *rows = re.split(r"\n(?=ses-)", content.decode())
    named = [f"{row.rstrip()}\t{cage.word(path, part=f'row {number}')}" for number, row in enumerate(rows)]
    return "\n".join([header, *named, ""]).encode()


def _table(cage: Cage, path: str, content: bytes, *, unexpected: bool) -> bytes:
    """Names in cells of the first row, and in a column that the collection does not have."""
    text = content.decode("utf-8-sig")
    delimiter = next((character for character in "\t;" if character in text), ",")
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    for column, cell in CELLS.get(path.rpartition("/")[2], {}).items():
        if column in rows[0]:
            word = cage.word(path, part=column, kept=column in PUBLISHED)
            rows[1][rows[0].index(column)] = cell.replace("{}", word)
    if unexpected:
        header = next(n for n, row in enumerate(rows) if not row[0].startswith("##"))  # behind lines of comment
        rows = [[*row, cage.word(path, part=f"row {n}") if n > header else "nombre"] for n, row in enumerate(rows)]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode()
