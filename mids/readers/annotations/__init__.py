"""Annotations in the formats of other programs: MD.ai, AIM, COCO, RT Structure Sets, DICOM Segmentations."""
