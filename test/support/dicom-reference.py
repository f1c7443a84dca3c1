"""What pydicom and SimpleITK read from every DICOM file that pydicom's and nibabel's packages bring: python3 dicom-reference.py FOLDER.

Writes FOLDER/reference.json and the values of each image as float32. Downloads nothing. Exits with 3 and a reason where a package lacks.
"""

import gzip
import json
import sys
import warnings
from pathlib import Path

try:
    import nibabel
    import numpy as np
    import pydicom
    import SimpleITK as sitk
    from pydicom.pixels import apply_modality_lut
except ImportError as missing:
    print(missing)
    sys.exit(3)

warnings.simplefilter("ignore")
out = Path(sys.argv[1])
sitk.ProcessObject.SetGlobalWarningDisplay(False)


def geometry(image):
    return {"size": image.GetSize(), "spacing": image.GetSpacing(), "origin": image.GetOrigin(), "direction": image.GetDirection()}


def attempt(work):
    try:
        return work()
    except Exception:  # whatever either library refuses is no reference
        return None


def values_of(data, path):
    def work():
        array = apply_modality_lut(data.pixel_array, data)
        if data.get("Modality") == "RTDOSE":
            array = array * float(data.DoseGridScaling)
        return np.asarray(array, dtype="f8").astype("<f4")

    array = attempt(work)
    if array is None:
        return None
    path.write_bytes(array.tobytes())
    return path.name


files = sorted(path for path in (Path(pydicom.__file__).parent / "data/test_files").rglob("*") if path.is_file())
files += sorted((Path(nibabel.__file__).parent / "nicom/tests/data").glob("*.dcm*"))
entries, series = [], []
for number, path in enumerate(files):
    if path.suffix == ".gz":
        packed, path = path, out / path.stem
        path.write_bytes(gzip.decompress(packed.read_bytes()))
    data = attempt(lambda: pydicom.dcmread(path))
    if data is None or "Rows" not in data:
        continue
    image = attempt(lambda: sitk.ReadImage(str(path)))
    entries.append(
        {
            "path": str(path),
            "values": values_of(data, out / f"{number}.f32"),
            "geometry": None if image is None else geometry(image),
        }
    )
for folder in sorted({Path(entry["path"]).parent for entry in entries}):
    for uid in attempt(lambda: sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))) or ():
        names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)
        if len(names) < 2:
            continue
        image = attempt(lambda: sitk.ReadImage(names))
        first = pydicom.dcmread(names[0])
        if image is None or "ImagePositionPatient" not in first:
            continue
        series.append({"folder": str(folder), "uid": str(first.SeriesInstanceUID), "geometry": geometry(image)})
(out / "reference.json").write_text(json.dumps({"files": entries, "series": series}))
