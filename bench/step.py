"""PyTorch eager's side of bench/step.ts: the same network, losses and optimizer. Prints one JSON line.

Run by bench/step.ts and bench/eight-bit.ts, with one JSON argument: task (train | infer), features, teacher (features or null),
batch, size [D, H, W], warmup, steps, threads; for infer also form (eager | channels last | compiled), eager if it is not given.
"""

import json
import math
import re
import sys
import time

import torch
from torch.nn import functional

CLASSES, SMOOTH, TEMPERATURE, SOFT_WEIGHT = 3, 1e-5, 2.0, 0.5


def parameters(features, trained):
    """He-normal kernels, unit scales and zero biases, by name."""
    made = {}

    def kernel(name, shape, gain):
        made[name] = torch.randn(shape) * math.sqrt(gain / math.prod(shape[1:]))

    def block(prefix, inputs, channels):
        for index in range(2):
            kernel(f"{prefix}.conv{index}", (channels, inputs, 3, 3, 3), 2)
            made[f"{prefix}.scale{index}"] = torch.ones(channels)
            made[f"{prefix}.bias{index}"] = torch.zeros(channels)
            inputs = channels

    for level, channels in enumerate(features):
        block(f"encoder{level}", 1 if level == 0 else features[level - 1], channels)
    for level in reversed(range(len(features) - 1)):
        block(f"decoder{level}", features[level + 1] + features[level], features[level])
    kernel("head.conv", (CLASSES, features[0], 1, 1, 1), 1)
    made["head.bias"] = torch.zeros(CLASSES)
    return {name: value.requires_grad_(trained) for name, value in made.items()}


def unet(x, p, levels):
    def block(prefix, x):
        for index in range(2):
            x = functional.conv3d(x, p[f"{prefix}.conv{index}"], padding=1)
            x = functional.instance_norm(x, weight=p[f"{prefix}.scale{index}"], bias=p[f"{prefix}.bias{index}"], eps=1e-5)
            x = functional.leaky_relu(x, 0.01)
        return x

    skips = []
    for level in range(levels):
        if level > 0:
            skips.append(x)
            x = functional.max_pool3d(x, 2)
        x = block(f"encoder{level}", x)
    for level in reversed(range(levels - 1)):
        x = torch.cat([functional.interpolate(x, scale_factor=2, mode="nearest"), skips[level]], 1)
        x = block(f"decoder{level}", x)
    return functional.conv3d(x, p["head.conv"], p["head.bias"])


def hard_loss(logits, label):
    target = functional.one_hot(label, CLASSES).permute(0, 4, 1, 2, 3).to(logits.dtype)
    p, space = functional.softmax(logits, 1), (2, 3, 4)
    ratio = (2 * (p * target).sum(space) + SMOOTH) / (p.sum(space) + target.sum(space) + SMOOTH)
    return functional.cross_entropy(logits, label) + 1 - ratio[:, 1:].mean()


def soft_loss(logits, soft):
    log_p, log_q = (functional.log_softmax(z / TEMPERATURE, 1) for z in (soft, logits))
    return TEMPERATURE**2 * (log_p.exp() * (log_p - log_q)).sum(1).mean()


def main():
    job = json.loads(sys.argv[1])
    torch.set_num_threads(job["threads"])
    image = torch.rand(job["batch"], 1, *job["size"])
    label = torch.randint(0, CLASSES, (job["batch"], *job["size"]))
    levels, training = len(job["features"]), job["task"] == "train"
    student = parameters(job["features"], training)
    teacher = None if job["teacher"] is None else parameters(job["teacher"], False)
    optimizer = torch.optim.Adam(student.values(), lr=1e-3) if training else None

    def train():
        optimizer.zero_grad(set_to_none=True)
        logits = unet(image, student, levels)
        loss = hard_loss(logits, label)
        if teacher is not None:
            with torch.no_grad():
                soft = unet(image, teacher, len(job["teacher"]))
            loss = loss + SOFT_WEIGHT * soft_loss(logits, soft)
        loss.backward()
        optimizer.step()

    form = job.get("form", "eager")
    if form == "channels last":
        image = image.to(memory_format=torch.channels_last_3d)
        student = {n: v.to(memory_format=torch.channels_last_3d) if v.dim() == 5 else v for n, v in student.items()}
    forward = torch.compile(lambda x: unet(x, student, levels)) if form == "compiled" else lambda x: unet(x, student, levels)

    def infer():
        with torch.no_grad():
            forward(image)

    elapsed, processor = [], []
    for _ in range(job["warmup"] + job["steps"]):
        started, before = time.perf_counter(), time.process_time()
        train() if training else infer()
        elapsed.append((time.perf_counter() - started) * 1000)
        processor.append((time.process_time() - before) * 1000)
    with open("/proc/self/status", encoding="utf8") as status:
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) / 1024
    warm = job["warmup"]
    name = f"PyTorch {torch.__version__} {form}"
    print(json.dumps({"name": name, "stepMs": elapsed[warm:], "processorMs": processor[warm:], "peakMb": peak}))


main()
