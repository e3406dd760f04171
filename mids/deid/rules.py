"""What a policy makes of each attribute: Table E.1-1 of DICOM PS3.15 with options and overrides applied."""

from dataclasses import dataclass

from mids.deid.policy import Code, Policy


@dataclass(frozen=True, slots=True)
class Rules:
    """The actions of one policy, ready to be applied to many datasets."""

    policy: Policy

    def of(self, keyword: str) -> Code:
        """The action for a top-level attribute, as sidecars and tables need it."""
        raise NotImplementedError(keyword)


def resolve(policy: Policy) -> Rules:
    """The rules of a policy; raises `MidsError` for an override of an attribute that nobody knows."""
    return Rules(policy)
