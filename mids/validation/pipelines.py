"""Folders of derivatives that no part of MIDS describes: what is wrong in any dataset is looked for in them too."""

from collections.abc import Iterator

from mids.checks import Check
from mids.inspection.views import DatasetView

ANYWHERE = frozenset({
    "JSON_INVALID", "JSON_KEY_DUPLICATED", "TABLE_ENCODING", "TABLE_RAGGED", "ZERO_BYTES",
    "GZIP_INVALID", "NIFTI_INVALID", "NIFTI_TRUNCATED", "NIFTI_SIZE", "PNG_INVALID", "PNG_TRUNCATED",
    "IMAGE_CORRUPT", "IMAGE_NOT_FINITE", "MASK_GRID", "MASK_VALUES", "DSEG_VALUE_UNKNOWN",
})  # fmt: skip
"""Codes of what is wrong whatever a file is for, besides those of privacy: the layout is the program's own."""
OF_IMAGES = frozenset({"PRIVACY_PNG_TEXT", "PRIVACY_PNG_TEXT_AFTER"})
"""Codes of privacy that do not count there: figures say which program drew them."""


def is_for_pipelines(check: Check) -> bool:
    """Whether a check is run below `derivatives/<pipeline>`."""
    code = check.definition.code
    if code in ANYWHERE:
        return True
    return code.startswith("PRIVACY_") and code not in OF_IMAGES and check.per in ("json", "table", "content", "image")


def view_pipelines(dataset: DatasetView) -> Iterator[tuple[DatasetView, list[str]]]:
    """Views of what lies below each `derivatives/<pipeline>`, subject by subject, with the files that are its own.

    A view is forgotten after its use.
    """
    for tops, parts in dataset.tree.pipelines():
        common = DatasetView(tops, dataset.schema, facts=dataset.facts, raw=dataset)
        yield common, list(tops.files)
        for tree in parts:
            view = DatasetView(tree, common.schema, common)
            yield view, [path for path in tree.files if path not in tops.files]
            view.forget()
        common.forget()
