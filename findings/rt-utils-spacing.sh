#!/usr/bin/env bash
# Outlines that rt-utils 1.2.7 writes are stretched one way and squeezed the other where pixels are not square.
#
# PixelSpacing in DICOM is first the distance of the rows (along y) and then that of the columns (along x). rt-utils
# multiplies the x of an outline by the first number and its y by the second. With square pixels nothing shows; with
# pixels of 0.7 mm (x) by 1.3 mm (y) a rectangle 10.5 mm wide becomes 19.5 mm wide. There is no error.
#
# voxstill writes RT Structure Sets by itself and has them judged by plastimatch rather than by rt-utils
# (docs/viewers.md, "What other programs made of these files"; the series of scripts/judge-dicom-results.py have
# pixels that are not square).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 pydicom==3.0.2 opencv-python==5.0.0.93 rt-utils==1.2.7
mkdir "$folder/series"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from rt_utils import RTStructBuilder

print("rt-utils", version("rt-utils"))
for k in range(3):
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CTImageStorage
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = f"2.25.{k + 1}"
    image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = "2.25.7", "2.25.8", "2.25.9"
    image.PatientName = image.PatientID = "phantom"
    image.PatientBirthDate = image.PatientSex = image.StudyDate = image.StudyTime = ""
    image.AccessionNumber = image.ReferringPhysicianName = image.StudyID = ""
    image.Modality, image.SeriesNumber, image.InstanceNumber = "CT", 1, k + 1
    image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 3 * k]
    image.PixelSpacing, image.SliceThickness = [1.3, 0.7], 3  # rows 1.3 mm apart, columns 0.7 mm
    image.Rows, image.Columns, image.SamplesPerPixel = 20, 30, 1
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.PixelData = np.zeros((20, 30), "<i2").tobytes()
    image.save_as(f"series/{k}.dcm", enforce_file_format=True)

mask = np.zeros((20, 30, 3), bool)
mask[5:10, 10:26, 1] = True  # rows 5 to 9, columns 10 to 25
builder = RTStructBuilder.create_new(dicom_series_path="series")
builder.add_roi(mask=mask, name="rectangle")
contour = builder.ds.ROIContourSequence[0].ContourSequence[0]
points = np.array([float(v) for v in contour.ContourData]).reshape(-1, 3)
corners = [[round(float(v), 3) for v in edge[:2]] for edge in (points.min(0), points.max(0))]
right = [[round(10 * 0.7, 3), round(5 * 1.3, 3)], [round(25 * 0.7, 3), round(9 * 1.3, 3)]]
print("corners of the rectangle in mm (x, y), through the centres of its outermost pixels")
print("  right:    ", right)
print("  rt-utils: ", corners)

if corners != [[13.0, 3.5], [32.5, 6.3]]:
    sys.exit("changed: the outline is no longer the one that this finding states")
print("as stated")
PYTHON
