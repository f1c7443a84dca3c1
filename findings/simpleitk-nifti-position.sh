#!/usr/bin/env bash
# One valid NIfTI file lies in two places: SimpleITK 2.5.7 and nibabel 5.4.2 choose different matrices from it.
#
# A NIfTI file can hold two positions of its voxels, the qform and the sform, each with a code that says what it means.
# nibabel takes the sform whenever its code is set. SimpleITK does so only if that code is 1 (scanner); with the codes
# 2 (aligned), 3 (Talairach), 4 (MNI) and 5 (template) it takes the qform, if that is set too. Neither says so.
# Images that were registered to another scan or to a template have just these codes, and there the two differ.
#
# voxstill takes the sform, as nibabel does (src/volume/nifti-header.ts; test/unit/volume/nifti.test.ts, "prefers the
# sform whatever the code of the qform is"). docs/formats.md, "Position of a volume", warns of SimpleITK's choice.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 nibabel==5.4.2 SimpleITK==2.5.7
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import nibabel as nib
import numpy as np
import SimpleITK as sitk

print("nibabel", nib.__version__, "and SimpleITK", sitk.Version_VersionString())
sform = np.array([[-2.0, 0, 0, 100], [0, 3, 0, -20], [0, 0, 4, 7], [0, 0, 0, 1]])
qform = np.array([[2.0, 0, 0, 10], [0, 3, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1]])


def name_of(corner):
    """Which of the two matrices put the first voxel there, in RAS."""
    names = {"sform": sform, "qform": qform}
    return next((name for name, affine in names.items() if np.allclose(affine[:3, 3], corner)), str(corner))


seen = []
for code in (1, 2, 3, 4, 5):
    image = nib.Nifti1Image(np.zeros((3, 4, 5), np.int16), None)
    image.set_sform(sform, code)
    image.set_qform(qform, 1)
    nib.save(image, "image.nii")
    by_nibabel = name_of(nib.load("image.nii").affine[:3, 3])
    by_itk = name_of(np.array(sitk.ReadImage("image.nii").GetOrigin()) * [-1, -1, 1])  # LPS to RAS
    print(f"qform code 1, sform code {code}: nibabel takes the {by_nibabel}, SimpleITK the {by_itk}")
    seen.append((by_nibabel, by_itk))

if seen != [("sform", "sform")] + 4 * [("sform", "qform")]:
    sys.exit("changed: the choices are no longer those that this finding states")
print("as stated")
PYTHON
