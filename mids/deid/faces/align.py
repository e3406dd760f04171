"""Registers the head of `mids.deid.faces.head` to a volume: where in that head each point of the volume lies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk  # noqa: N813

from mids.deid.faces.head import Flags, Head
from mids.deid.faces.scene import STEP, Scene, to_array, to_image

Floats = npt.NDArray[np.float64]

_LOW, _HIGH = np.array([-140.0, -170.0, -230.0]), np.array([140.0, 170.0, 160.0])
"""The space in which the head is drawn (mm)."""

_BLUR = 6.0
"""Width of the edges that are brought together: a standard deviation in mm."""

_PITCHES = (0.0, 20.0, -20.0)
"""How the chin may be lowered or lifted at the start (degrees about the axis from left to right)."""

_AHEAD, _BACK = np.eye(3), np.diag([-1.0, -1.0, 1.0])
"""How the face looks: ahead, as headers say, or to the back."""

_TURNED = 1e-4
"""What a degree of turning costs, squared: heads lie nearly straight, and one without a neck hardly tells."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """`matrix` takes points of the volume (mm, RAS) to the head.

    `misfit` is what the search made least; `turned` is how much better that is than with the face at the back.
    """

    matrix: Floats
    misfit: float
    turned: float = 0.0

    def apply(self, points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Points of the volume (first axis: mm, RAS) as points of the head."""
        matrix = self.matrix.astype(np.float32)
        return np.asarray(np.tensordot(matrix[:3, :3], points, 1) + matrix[:3, 3].reshape(-1, *[1] * (points.ndim - 1)))

    @property
    def scale(self) -> float:
        """How many times larger the drawn head is than that of the volume."""
        return float(np.cbrt(abs(np.linalg.det(self.matrix[:3, :3]))))

    @property
    def angle(self) -> float:
        """By how many degrees the head is turned."""
        return _angle(self.matrix)


def _angle(matrix: Floats) -> float:
    left, _, right = np.linalg.svd(matrix[:3, :3])
    return float(np.degrees(np.arccos(np.clip((np.trace(left @ right) - 1) / 2, -1, 1))))


def align(scene: Scene, head: Head) -> Alignment:
    """The best alignment of several searches from different starts.

    The outlines are brought together first (rotation, place, one scale), then what both show inside: brain, bone and
    soft tissue of the drawn head have values of their own, whatever the contrast of the volume.
    """
    fixed = sitk.SmoothingRecursiveGaussian(scene.image(scene.body.astype(np.float32)), _BLUR)
    outline, tissues = _targets(head)
    top = _top(scene)
    near = scene.seen & (scene.points()[2] > top - 220)
    mask = scene.image(near.astype(np.uint8))
    starts = list(_starts(scene, top, _AHEAD))
    best, _ = min((_search(fixed, mask, outline, start) for start in starts), key=lambda pair: pair[1])
    found = min((_refine(scene, near, tissues, start) for start in (best, starts[0])), key=lambda one: one.misfit)
    turned, _ = _search(fixed, mask, outline, next(_starts(scene, top, _BACK)))
    return replace(found, turned=_refine(scene, near, tissues, turned, _BACK).misfit - found.misfit)


def _targets(head: Head) -> tuple[sitk.Image, sitk.Image]:
    """The outline of the drawn head, blurred, and its tissues."""
    shape = ((_HIGH - _LOW) / STEP).astype(int) + 1
    axes = [_LOW[axis] + STEP * np.arange(shape[axis]) for axis in range(3)]
    points = np.array(np.meshgrid(*axes, indexing="ij"), np.float32)
    outline = to_image(head.is_head(points).astype(np.float32), _LOW)
    return sitk.SmoothingRecursiveGaussian(outline, _BLUR), to_image(head.tissues(points).astype(np.float32), _LOW)


def _top(scene: Scene) -> float:
    """The highest point of the body (mm)."""
    return float(scene.low[2] + STEP * np.flatnonzero(scene.body.any(axis=(0, 1)))[-1])


def _starts(scene: Scene, top: float, about: Floats) -> Iterator[sitk.Similarity3DTransform]:
    """Transforms that put crown on crown and middle on middle, some bent, some for a cut-off crown."""
    points = scene.points()
    crown = scene.body & (points[2] > top - 110)
    middle = [(points[axis][crown].min() + points[axis][crown].max()) / 2 for axis in (0, 1)]
    for lower in (0.0, 35.0) if _is_cut(scene) else (0.0,):
        for pitch in _PITCHES:
            start = sitk.Similarity3DTransform()
            start.SetCenter((float(middle[0]), float(middle[1]), top - 80))
            cos, sin = np.cos(np.radians(pitch)), np.sin(np.radians(pitch))
            start.SetMatrix((np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ about).ravel())
            start.SetTranslation((-float(middle[0]), -15 - float(middle[1]), 96 - lower - top))
            yield start


def _is_cut(scene: Scene) -> bool:
    """Whether the crown reaches the upper border of what was seen."""
    crown = scene.body.any(axis=(0, 1))
    high = int(np.flatnonzero(crown)[-1])
    above = scene.seen[:, :, min(high + 2, scene.seen.shape[2] - 1)]
    return bool((scene.body[:, :, high] & ~above).any())


def _search(
    fixed: sitk.Image, mask: sitk.Image, target: sitk.Image, start: sitk.Transform
) -> tuple[sitk.Similarity3DTransform, float]:
    """A rigid search with one scale for the outline."""
    method = _method(mask, start, [4, 2])
    method.SetMetricAsMeanSquares()
    found = method.Execute(fixed, target)
    return sitk.Similarity3DTransform(sitk.CompositeTransform(found).GetNthTransform(0)), method.GetMetricValue()


def _refine(
    scene: Scene, near: Flags, target: sitk.Image, start: sitk.Similarity3DTransform, about: Floats = _AHEAD
) -> Alignment:
    """A search for what is inside, by mutual information (Mattes), with one scale."""
    around = sitk.BinaryDilate(scene.image(scene.body.astype(np.uint8)), (4, 4, 4))
    mask = scene.image(((to_array(around) != 0) & near).astype(np.uint8))
    inside = scene.values[scene.body]
    values = scene.image(np.clip(scene.values, scene.values.min(), np.percentile(inside, 99)))
    method = _method(mask, start, [2, 1])
    method.SetMetricAsMattesMutualInformation(32)
    matrix = _matrix(method.Execute(values, target))
    turned = np.eye(4)
    turned[:3, :3] = matrix[:3, :3] @ about
    return Alignment(matrix, method.GetMetricValue() + _TURNED * _angle(turned) ** 2)


def _method(mask: sitk.Image, start: sitk.Transform, shrink: Sequence[int]) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricFixedMask(mask)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.25, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 100, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(list(shrink))
    method.SetSmoothingSigmasPerLevel([0] * len(shrink))
    method.SetInitialTransform(start, inPlace=False)
    method.SetGlobalDefaultNumberOfThreads(1)
    return method


def _matrix(transform: sitk.Transform) -> Floats:
    """A linear transform as a matrix (4, 4): of the origin and the ends of the axes."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    for axis in range(3):
        end = [0.0, 0.0, 0.0]
        end[axis] = 1.0
        matrix[:3, axis] = np.array(transform.TransformPoint(end)) - origin
    matrix[:3, 3] = origin
    return matrix
