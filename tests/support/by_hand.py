"""Datasets written by hand, and names as the vocabulary allows them."""

from collections.abc import Mapping
from pathlib import Path

from hypothesis import strategies as st

from mids.vocabulary.names import Name, build
from mids.vocabulary.schema import load

RX = "sub-01/ses-A/mim-rx/sub-01_ses-A_run-01_bp-chest_vp-pa_dx.png"
LATERAL = "sub-01/ses-A/mim-rx/sub-01_ses-A_run-01_bp-chest_vp-ll_dx.png"
CT = "sub-01/ses-B/mim-ct/sub-01_ses-B_run-1_bp-chest_ct.nii.gz"
HEAD = "sub-02/ses-A/anat/sub-02_ses-A_run-1_T1w.nii.gz"
TABLES = {
    "participants.tsv": "participant_id\tage\tsex\tnotes\nsub-01\t061\tF\tNA\nsub-02\tn/a\tM\t\n",
    "sub-01/sub-01_sessions.tsv": "session_id\tacq_time\tage\nses-A\t1920-01-02\t60\nses-B\t1921-01-02\t61\n",
    "sub-02/sub-02_sessions.tsv": "session_id\tacq_time\tage\nses-A\t1920-05-05\t36\n",
    "sub-01/ses-A/sub-01_ses-A_scans.tsv": (
        f"filename\tacq_time\tmodality\nmim-rx/{Path(RX).name}\t1920-01-02T10:00:00\tdx\n"
        f"mim-rx/{Path(RX).name}\tn/a\ttwice\n"
    ),
}


def written(root: Path, texts: Mapping[str, str]) -> Path:
    """The files, and a description, below `root`."""
    for path, text in {"dataset_description.json": '{"Name": "By hand"}', **texts}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


LABELS = st.text("abcXYZ019", min_size=1, max_size=4)


@st.composite
def names(draw: st.DrawFn) -> Name:
    """A name of any suffix that pictures or volumes have, with any entities."""
    schema = load()
    images = [
        s for s in schema.suffixes.values() if s.group not in ("", "*") and s.extensions[0] in (".png", ".nii.gz")
    ]
    suffix = draw(st.sampled_from(images))
    values = {"sub": draw(LABELS), "ses": draw(LABELS), "run": draw(st.from_regex("[0-9]{1,3}", fullmatch=True))}
    for key in draw(st.sets(st.sampled_from(list(schema.entities)), max_size=6)):
        entity = schema.entities[key]
        codes = st.sampled_from(sorted(schema.code_lists[entity.code_list].codes)) if entity.code_list else LABELS
        values[key] = draw(st.from_regex("[0-9]{1,3}", fullmatch=True) if entity.kind == "index" else codes)
    return build(values, suffix.suffix, suffix.extensions[0], group=suffix.group, datatype=suffix.datatype)
