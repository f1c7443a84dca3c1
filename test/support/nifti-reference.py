"""Volumes that nibabel's package brings, and pairs of files that it writes, as nibabel reads them: sizes, affines and values.

Usage: python nifti-reference.py FOLDER. Writes reference.json and files of float32 values, channels last, x fastest. Ends with 3 where
nibabel is not installed.
"""
import json
import os
import sys

try:
    import nibabel as nib
    import numpy as np
except ImportError as error:
    print(error)
    sys.exit(3)

folder = sys.argv[1]
entries = []


def take(path):
    try:
        image = nib.load(path)
        values = np.asarray(image.get_fdata(), dtype=np.float32)
        affine = np.asarray(image.affine, dtype=float)
    except Exception as error:
        entries.append({"path": path, "error": f"{type(error).__name__}: {error}"})
        return
    name = f"values-{len(entries)}.bin"
    values.flatten(order="F").astype("<f4").tofile(os.path.join(folder, name))
    size = [int(length) for length in image.shape]
    entries.append({"path": path, "kind": type(image).__name__, "size": size, "affine": affine.ravel().tolist(), "values": name})


packaged = os.path.join(os.path.dirname(nib.__file__), "tests", "data")
endings = (".nii", ".nii.gz", ".hdr", ".mgz", ".mgh")
for name in sorted(os.listdir(packaged)):
    if name.endswith(endings):
        take(os.path.join(packaged, name))

values = np.random.default_rng(0).integers(-99, 999, (7, 6, 5)).astype(np.int16)
affine = np.array([[0, 0, -2.5, 3], [-1.2, 0, 0, 4], [0, 1.1, 0, 5], [0, 0, 0, 1]])
for name, image in {
    "one.img": nib.Nifti1Pair(values, affine),
    "two.hdr": nib.Nifti2Pair(values, affine),
    "packed.img.gz": nib.Nifti1Pair(values, affine),
    "analyze.img": nib.AnalyzeImage(values, None),
    "spm.img": nib.Spm99AnalyzeImage(values, affine),
}.items():
    path = os.path.join(folder, name)
    nib.save(image, path)
    take(path)
with open(os.path.join(folder, "reference.json"), "w") as file:
    json.dump(entries, file)
