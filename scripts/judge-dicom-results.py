"""
Judges the DICOM objects, segment files and outlines that voxstill writes by other programs, over 48 orientations of a
series and an oblique one whose files lie against the order of its slices: 50 series of 7 slices of 13 x 11 pixels,
0.7 mm between rows, 1.3 mm between columns, 2.5 mm from slice to slice.

  pip install highdicom==0.28.2 pydicom==3.0.2 SimpleITK==2.5.7 dcmqi==1.5.7 dicom3tools==20260927
  python scripts/judge-dicom-results.py

dciodvfy must find no error, highdicom and dcmqi must read every voxel in its place, plastimatch (if it is installed)
must fill the outlines to the same voxels, ITK must read the segment file. Ends with 1 if any does not.
"""

import glob
import itertools
import os
import shutil
import subprocess
import sys
import tempfile

import highdicom
import numpy as np
import pydicom
import SimpleITK as sitk
from highdicom.sr import srread
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

COLUMNS, ROWS, SLICES = 11, 13, 7
BETWEEN_ROWS, BETWEEN_COLUMNS, STEP = 0.7, 1.3, 2.5
VOXEL_MM3 = BETWEEN_ROWS * BETWEEN_COLUMNS * STEP
NAMES = {"Liver": 1, "Left-Hippocampus": 2}
problems = []


def check(holds, what):
    if not holds:
        problems.append(what)
        print("WRONG:", what)


def write_series(folder, orientation, *, reverse, name="Anonymous^Test", frame_of_reference=True):
    """Slices along the normal of the orientation; `reverse`: numbered and named the other way round."""
    os.makedirs(folder)
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(row, column)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for k in range(SLICES):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        image.SpecificCharacterSet = "ISO_IR 100"
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        if frame_of_reference:
            image.FrameOfReferenceUID = frame
        image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = name, "P1", "19700101", "O"
        image.StudyDate, image.StudyTime, image.StudyID, image.AccessionNumber = "20260102", "101112", "S1", "A1"
        image.ReferringPhysicianName, image.PositionReferenceIndicator = "", ""
        number = SLICES - k if reverse else k + 1
        image.Modality, image.SeriesNumber, image.InstanceNumber = "CT", 4, number
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        position = np.array([-31.5, 12.25, 40.0]) + normal * STEP * k
        image.ImagePositionPatient = [f"{mm:.10g}"[:16] for mm in position]
        image.ImageOrientationPatient = [f"{cosine:.12g}"[:16] for cosine in orientation]
        image.PixelSpacing, image.SliceThickness = [BETWEEN_ROWS, BETWEEN_COLUMNS], STEP
        image.Rows, image.Columns, image.SamplesPerPixel = ROWS, COLUMNS, 1
        image.PhotometricInterpretation = "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
        y, x = np.mgrid[0:ROWS, 0:COLUMNS]
        image.PixelData = (x + 20 * y + 400 * k).astype(np.int16).tobytes()
        image.save_as(f"{folder}/{number:03d}.dcm", enforce_file_format=True)


def labels_of(code):
    """The labels that scripts/write-dicom-results.ts gives voxels with these numbers."""
    x, y, z = code % 20, (code // 20) % 20, code // 400
    distance = (x - 5) ** 2 + (y - 6) ** 2
    ball = (z >= 1) & (z <= 5) & (distance <= 13)
    labels = np.zeros(code.shape, np.uint8)
    labels[ball & (distance > 1)] = 1
    labels[(z <= 2) & (x == y - 1) & (x < 3) & ~ball] = 2
    return labels


class Series:
    """Images in the order of their slices, the labels that they should have, and the way from millimetres to voxels."""

    def __init__(self, folder):
        images = [pydicom.dcmread(path) for path in glob.glob(f"{folder}/*.dcm")]
        cosines = np.array(images[0].ImageOrientationPatient, float)
        self.row, self.column = cosines[:3], cosines[3:]
        self.normal = np.cross(self.row, self.column)
        self.images = sorted(images, key=lambda image: self.normal @ np.array(image.ImagePositionPatient, float))
        self.origin = np.array(self.images[0].ImagePositionPatient, float)
        self.truth = np.stack([labels_of(image.pixel_array) for image in self.images])

    def voxel(self, point):
        """z, y, x of a point in LPS millimetres."""
        apart = np.array(point) - self.origin
        return np.array(
            [apart @ self.normal / STEP, apart @ self.column / BETWEEN_ROWS, apart @ self.row / BETWEEN_COLUMNS]
        )

    def labels_from(self, image, value_of):
        """Voxels of an ITK image, whatever part of the grid it has, as labels on the grid of the series."""
        labels = np.zeros_like(self.truth)
        voxels = sitk.GetArrayFromImage(image)
        for z, y, x in np.argwhere(voxels > 0):
            place = self.voxel(image.TransformIndexToPhysicalPoint([int(x), int(y), int(z)]))
            nearest = np.round(place).astype(int)
            check(np.abs(place - nearest).max() < 1e-2, f"a voxel lies at {place}")
            labels[tuple(nearest)] = value_of(voxels[z, y, x])
        return labels


def run(command):
    return subprocess.run(command, capture_output=True, encoding="latin1", check=False)


def program(name):
    beside = os.path.join(os.path.dirname(sys.executable), name)
    return beside if os.path.exists(beside) else name


def judge_validity(path, what):
    result = run([program("dciodvfy"), "-new", path])
    errors = [line for line in (result.stdout + result.stderr).splitlines() if line.startswith("Error")]
    check(not errors, f"{what}: dciodvfy says {errors[:3]}")


def judge_segmentation(path, series, what):
    segmentation = highdicom.seg.segread(path)
    names = {item.SegmentNumber: item.SegmentLabel for item in segmentation.SegmentSequence}
    value = np.vectorize(lambda number: NAMES[names[number]] if number else 0, otypes=[np.uint8])
    volume = segmentation.get_volume(combine_segments=True, skip_overlap_checks=True)
    labels = np.zeros_like(series.truth)
    for index in np.argwhere(volume.array > 0):
        point = (volume.affine @ [*index, 1])[:3]
        labels[tuple(np.round(series.voxel(point)).astype(int))] = value(volume.array[tuple(index)])
    check((labels == series.truth).all(), f"{what}: highdicom reads another volume")
    instances = [image.SOPInstanceUID for image in series.images]
    pixels = segmentation.get_pixels_by_source_instance(instances, combine_segments=True, skip_overlap_checks=True)
    check((value(pixels) == series.truth).all(), f"{what}: highdicom reads other pixels by instance")
    check(str(segmentation.PatientName) == str(series.images[0].PatientName), f"{what}: another patient")
    with tempfile.TemporaryDirectory() as folder:
        command = ["--inputDICOM", path, "--outputDirectory", folder, "--outputType", "nifti"]
        check(run([program("segimage2itkimage"), *command]).returncode == 0, f"{what}: dcmqi refuses it")
        parts = [series.labels_from(sitk.ReadImage(part), int) for part in glob.glob(f"{folder}/*.nii.gz")]
        check((sum(parts) == series.truth).all(), f"{what}: dcmqi reads other voxels")


def judge_report(path, series, what):
    groups = srread(path).content.get_volumetric_roi_measurement_groups()
    volumes = [group.get_measurements()[0].value for group in groups]
    expected = [(series.truth == value).sum() * VOXEL_MM3 for value in NAMES.values()]
    check(np.allclose(volumes, expected), f"{what}: volumes {volumes}, not {expected}")
    with tempfile.TemporaryDirectory() as folder:
        command = ["--inputDICOM", path, "--outputMetadata", f"{folder}/report.json"]
        check(run([program("tid1500reader"), *command]).returncode == 0, f"{what}: dcmqi refuses it")


def judge_outlines(path, folder, series, what):
    with tempfile.TemporaryDirectory() as out:
        command = ["--input", path, "--referenced-ct", folder, "--output-prefix", out, "--prefix-format", "nrrd"]
        run(["plastimatch", "convert", *command])
        for name, value in NAMES.items():
            mask = series.truth == value
            # plastimatch 1.9.4 keeps one outline per slice where rows or columns run from head to feet at right angles
            is_axial_or_oblique = np.abs(series.normal).max() < 0.99 or np.abs(series.normal[2]) > 0.99
            if value == 2 and not is_axial_or_oblique:
                continue
            read = series.labels_from(sitk.ReadImage(f"{out}/{name}.nrrd"), lambda _: 1) == 1
            check((read == mask).all(), f"{what}: plastimatch fills {read.sum()} voxels of {name}, not {mask.sum()}")


def judge_segment_file(path, series, what):
    image = sitk.ReadImage(path)
    check((sitk.GetArrayFromImage(image) == series.truth).all(), f"{what}: ITK reads other voxels")
    check(np.allclose(image.GetOrigin(), series.origin, atol=1e-6), f"{what}: ITK reads another place")
    check(image.GetMetaData("Segment0_Name") == "Liver", f"{what}: the first segment has another name")


def main():
    has_plastimatch = shutil.which("plastimatch") is not None
    if not has_plastimatch:
        print("plastimatch is not installed, so the outlines are not filled")
    with tempfile.TemporaryDirectory() as work:
        a, b = np.radians(20), np.radians(35)
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        tilt = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
        oblique = [*(turn @ tilt)[:, 0], *(turn @ tilt)[:, 1]]
        write_series(f"{work}/in/oblique", oblique, reverse=True, name="M\u00fcller^J\u00fcrg")
        write_series(f"{work}/in/no-frame-of-reference", oblique, reverse=False, frame_of_reference=False)
        for axes in itertools.permutations(range(3)):
            for signs in itertools.product([1, -1], repeat=3):
                directions = np.zeros((3, 3))
                for index in range(3):
                    directions[axes[index], index] = signs[index]
                letters = "".join("RAS LPI"[axes[i] + (4 if signs[i] > 0 else 0)] for i in range(3))
                against = np.cross(directions[:, 0], directions[:, 1]) @ directions[:, 2] < 0
                cosines = [*directions[:, 0], *directions[:, 1]]
                write_series(f"{work}/in/{letters}", cosines, reverse=bool(against))
        folders = sorted(glob.glob(f"{work}/in/*"))
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "write-dicom-results.ts")
        subprocess.run(["npx", "tsx", script, f"{work}/out", *folders], check=True)
        for folder in folders:
            name = os.path.basename(folder)
            out, series = f"{work}/out/{name}", Series(folder)
            for kind in ["seg", "labelmap", "rtstruct", "sr"]:
                judge_validity(f"{out}/{kind}.dcm", f"{name} {kind}")
            judge_segmentation(f"{out}/seg.dcm", series, f"{name} seg")
            judge_segmentation(f"{out}/labelmap.dcm", series, f"{name} labelmap")
            judge_report(f"{out}/sr.dcm", series, f"{name} sr")
            judge_segment_file(f"{out}/labels.seg.nrrd", series, f"{name} seg.nrrd")
            if has_plastimatch:
                judge_outlines(f"{out}/rtstruct.dcm", folder, series, f"{name} rtstruct")
    print(f"{len(folders)} series, {len(problems)} problems")
    sys.exit(1 if problems else 0)


main()
