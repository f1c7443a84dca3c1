"""SciPy's side of bench/surface.ts: times the same masks and prints one JSON line per pair. Masks come as raw bytes on disk."""

import json
import sys
import time

import numpy
from scipy.ndimage import binary_erosion, distance_transform_edt, generate_binary_structure


def surface(mask):
    return mask & ~binary_erosion(mask, generate_binary_structure(3, 1), border_value=0)


def crop(*masks):
    """The bounding box of both, as a careful user of SciPy would."""
    union = masks[0] | masks[1]
    box = tuple(slice(int(i.min()), int(i.max()) + 1) for i in numpy.nonzero(union))
    return [mask[box] for mask in masks]


def measure(reference, prediction, spacing):
    a, b = (surface(mask) for mask in crop(reference, prediction))
    to_b = distance_transform_edt(~b, sampling=spacing[::-1])[a]
    to_a = distance_transform_edt(~a, sampling=spacing[::-1])[b]
    both = numpy.concatenate([to_b, to_a])
    return {"hd95Mm": max(numpy.percentile(to_b, 95), numpy.percentile(to_a, 95)), "assdMm": float(both.mean())}


for job in json.loads(sys.argv[1]):
    shape = tuple(reversed(job["sizeVoxels"]))
    masks = [numpy.fromfile(job[name], dtype=numpy.uint8).reshape(shape) == 1 for name in ("reference", "prediction")]
    times = []
    for _ in range(job["rounds"]):
        start = time.perf_counter()
        result = measure(*masks, job["spacingMm"])
        times.append((time.perf_counter() - start) * 1000)
    print(json.dumps({"name": job["name"], "ms": min(times), **result}), flush=True)
