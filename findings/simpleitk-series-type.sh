#!/usr/bin/env bash
# The order of the slices changes the values of a DICOM series in SimpleITK 2.5.7.
#
# In a PET series each slice has a rescale slope of its own. SimpleITK's reader of series gives the whole volume the
# number type that fits the first slice: if that slope is 1, 16-bit integers. Values of later slices are then cut to
# whole numbers (3.03 becomes 3), and values above 32767 wrap around to negative ones (40000 becomes -25536).
# There is no error and no warning. The same files with the last slice first give the right values, and so does each
# file that is read alone.
#
# voxstill rescales slice by slice into float32 (src/data/dicom/pixels.ts). Goldens of such a series are therefore
# written down by definition rather than taken from SimpleITK (test/fixtures/make-format-goldens.py, "dicom-rescaled").
# docs/formats.md, "DICOM", says so to those who compare.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 pydicom==3.0.2 SimpleITK==2.5.7
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage

print("SimpleITK", sitk.Version_VersionString())


def write_series(stored, slopes):
    """PET slices of 4 x 3 equal pixels, 3 mm apart. Returns the names of the files from below."""
    names = []
    for k, slope in enumerate(slopes):
        slice_ = Dataset()
        slice_.file_meta = FileMetaDataset()
        slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_.file_meta.MediaStorageSOPClassUID = slice_.SOPClassUID = PositronEmissionTomographyImageStorage
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID = f"2.25.{k + 1}"
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = "2.25.7", "2.25.8", "2.25.9"
        slice_.Modality, slice_.InstanceNumber = "PT", k + 1
        slice_.ImageOrientationPatient, slice_.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 3 * k]
        slice_.PixelSpacing, slice_.SliceThickness = [2, 2], 3
        slice_.Rows, slice_.Columns, slice_.SamplesPerPixel = 3, 4, 1
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 16, 15, 1
        slice_.PhotometricInterpretation = "MONOCHROME2"
        slice_.RescaleSlope, slice_.RescaleIntercept = slope, 0
        slice_.PixelData = np.full((3, 4), stored, "<i2").tobytes()
        names.append(f"{k}.dcm")
        slice_.save_as(names[-1], enforce_file_format=True)
    return names


def first_voxels(names):
    image = sitk.ReadImage(names)
    values = [round(float(v), 6) for v in sitk.GetArrayFromImage(image)[:, 0, 0]]
    return image.GetPixelIDTypeAsString(), values


same = True
for stored, slopes, expected in (
    (101, [1, 0.25, 0.03], ("16-bit signed integer", [101, 25, 3])),
    (20000, [1, 2, 3], ("16-bit signed integer", [20000, -25536, -5536])),
):
    names = write_series(stored, slopes)
    right = [round(stored * slope, 6) for slope in slopes]
    alone = [round(float(sitk.GetArrayFromImage(sitk.ReadImage(name))[0, 0, 0]), 6) for name in names]
    forward, (kind, backward) = first_voxels(names), first_voxels(names[::-1])
    print(f"stored {stored}, slopes {slopes}: right are {right}")
    print(f"  first slice first: {forward[1]} as {forward[0]}")
    print(f"  last slice first:  {backward[::-1]} as {kind}")
    print(f"  each file alone:   {alone}")
    same = same and forward == expected and backward[::-1] == right and alone == right

if not same:
    sys.exit("changed: the values are no longer those that this finding states")
print("as stated")
PYTHON
