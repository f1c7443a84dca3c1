"""nnU-Net's side of bench/augment.ts: for each line on stdin, varies patches and prints the seconds of the processor per patch."""

import sys
import time

import numpy
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

torch.set_num_threads(1)
side, case_side, patches = (int(value) for value in sys.argv[1:])
half_turn = numpy.pi / 6
transform = nnUNetTrainer.get_training_transforms(
    (side,) * 3, (-half_turn, half_turn), None, (0, 1, 2), False, use_mask_for_norm=None
)
image = numpy.random.normal(size=(2, case_side, case_side, case_side)).astype(numpy.float32)
label = (numpy.indices(image.shape[1:])[1] % 3).astype(numpy.int16)[None]
for _ in sys.stdin:
    start = time.process_time()
    for _ in range(patches):
        transform(image=torch.from_numpy(image.copy()), segmentation=torch.from_numpy(label.copy()))
    print((time.process_time() - start) / patches, flush=True)
