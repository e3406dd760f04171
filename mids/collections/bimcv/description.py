"""What BIMCV says of all collections that it gives out under a research use agreement."""

from dataclasses import replace

from mids.records import About


def under_agreement(about: About, agreement: str) -> About:
    """A description with the terms of a BIMCV research use agreement; `agreement` is the name that it begins with."""
    return replace(
        about,
        licence=f"{agreement} Dataset Research Use Agreement: research use without charge, no redistribution, credit "
        "by citing the article; other uses need the consent of BIMCV",
        commercial_use="forbidden",
        redistribution="forbidden",
        attribution="required",
        agreement="required",
        ids="public",
        dates="public",
        access="On request, from the page of BIMCV, after the research use agreement.",
    )
