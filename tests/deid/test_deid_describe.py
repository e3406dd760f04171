"""What a policy says of itself."""

import pytest

from mids.deid.describe import WIDTH, describe
from mids.deid.policy import Policy, SafePrivate, chosen, preset, presets


@pytest.mark.parametrize("name", presets())
def test_every_preset_describes_itself(name: str) -> None:
    text = describe(preset(name))
    assert name in text
    assert "2026d" in text
    assert all(len(line) <= WIDTH for line in text.splitlines())


def test_a_description_follows_the_policy() -> None:
    mids, cnil = describe(preset("mids")), describe(preset("fidac-cnil"))
    assert "whole weeks" in mids
    assert "Clean Descriptors" in mids
    assert "bands of ten years" in cnil
    assert "Manufacturer: removed" in cnil
    assert "100 patients or fewer" in cnil
    assert "UIDs are kept" in " ".join(describe(chosen("basic", ["retain_uids"])).split())
    own = Policy("own", safe_private=(SafePrivate("FIDAC", 0x19, 1, "labels"),))
    assert "FIDAC (0019,xx01)" in " ".join(describe(own).split())


def test_the_counts_are_those_of_the_table() -> None:
    text = " ".join(describe(preset("basic")).split())
    assert "653 attributes" in text
    assert "55 UIDs replaced" in text
