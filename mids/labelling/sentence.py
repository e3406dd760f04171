"""What a sentence of a report says is there: what rules, models and a user's own program give back."""

from dataclasses import dataclass, field, replace

from mids.analysis.tree import LabelTree


@dataclass(frozen=True, slots=True)
class Why:
    """Why a label is given: the place in the report (0-based characters, end excluded), and the rule or the weight.

    `places` are the localizations that the sentence ties to it.
    """

    label: str
    start: int
    end: int
    reason: str
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """What one sentence of a report says is there."""

    labels: tuple[str, ...]
    localizations: tuple[str, ...] = ()
    why: tuple[Why, ...] = field(default=(), compare=False)

    def ordered(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Each label with the localizations that are tied to it; those tied to none stand with the last label."""
        tied = {
            name: tuple(dict.fromkeys(p for one in self.why if one.label == name for p in one.places))
            for name in self.labels
        }
        loose = tuple(place for place in self.localizations if not any(place in own for own in tied.values()))
        last = self.labels[-1:]
        return tuple((name, (*own, *loose) if (name,) == last else own) for name, own in tied.items())


def close_sentence(said: Sentence, tree: LabelTree) -> Sentence:
    """A sentence with the terms above its labels and localizations, each with the reason of the one below it."""
    why = [replace(one, places=tree.close(one.places)) for one in said.why]
    known = {one.label for one in why}
    for one in tuple(why):
        new = [name for name in tree.above(one.label) if name not in known]
        known.update(new)
        why += [replace(one, label=name, reason=f"above {one.label}") for name in new]
    return Sentence(tree.close(said.labels), tree.close(said.localizations), tuple(why))
