"""What a policy does, in plain words."""

from mids.deid.policy import Policy


def describe(policy: Policy) -> str:
    """The text that ``--describe`` prints."""
    raise NotImplementedError(policy.name)
