"""PyTorch's side of bench/inference.ts: networks by name, exported to ONNX and timed forward in several forms.

Run by bench/inference.ts with one JSON argument: network, size [D, H, W], batch, file (where the ONNX file goes), forms. It then
reads names of forms, one a line, and answers each with the processor milliseconds of one forward pass, as JSON.
"""

import json
import re
import sys
import time

import torch
from torch import nn

WIDTHS = [32, 64, 128, 256, 320, 320]
CLASSES = 3


class Unet(nn.Module):
    """The U-Net of this package: pooling by maxima, upsampling by copies, two convolutions per level."""

    def __init__(self, features):
        super().__init__()

        def block(inputs, channels):
            layers = []
            for first in (inputs, channels):
                conv = nn.Conv3d(first, channels, 3, padding=1, bias=False)
                layers += [conv, nn.InstanceNorm3d(channels, affine=True), nn.LeakyReLU(0.01)]
            return nn.Sequential(*layers)

        self.encoder = nn.ModuleList(block(before, after) for before, after in zip([1, *features], features))
        pairs = list(zip(features, features[1:]))[::-1]
        self.decoder = nn.ModuleList(block(coarse + fine, fine) for fine, coarse in pairs)
        self.head = nn.Conv3d(features[0], CLASSES, 1)

    def forward(self, x):
        skips = []
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else nn.functional.max_pool3d(x, 2))
            skips.append(x)
        skips.pop()
        for block in self.decoder:
            x = block(torch.cat([nn.functional.interpolate(x, scale_factor=2, mode="nearest"), skips.pop()], 1))
        return self.head(x)


def nnunet(residual, stages):
    """nnU-Net's plain or residual encoder, as its plans have them for 3d_fullres."""
    from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet

    options = {
        "input_channels": 1,
        "n_stages": stages,
        "features_per_stage": WIDTHS[:stages],
        "conv_op": nn.Conv3d,
        "kernel_sizes": 3,
        "strides": [1] + [2] * (stages - 1),
        "num_classes": CLASSES,
        "n_conv_per_stage_decoder": 1 if residual else 2,
        "conv_bias": True,
        "norm_op": nn.InstanceNorm3d,
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": nn.LeakyReLU,
        "nonlin_kwargs": {"inplace": True},
        "deep_supervision": False,
    }
    if residual:
        return ResidualEncoderUNet(n_blocks_per_stage=[1, 3, 4, 6, 6, 6][:stages], **options)
    return PlainConvUNet(n_conv_per_stage=2, **options)


def dynunet(stages):
    from monai.networks.nets import DynUNet

    strides = [1] + [2] * (stages - 1)
    return DynUNet(3, 1, CLASSES, [3] * stages, strides, strides[1:], filters=WIDTHS[:stages])


NETWORKS = {
    "unet 16-32-64": lambda: Unet([16, 32, 64]),
    "unet 4-8-16": lambda: Unet([4, 8, 16]),
    "dynunet": lambda: dynunet(5),
    "nnunet plain": lambda: nnunet(False, 5),
    "nnunet residual encoder": lambda: nnunet(True, 5),
}


def forms(network, image, names):
    """A function per form that does one forward pass."""
    made = {}
    if "eager" in names:
        made["eager"] = lambda: network(image)
    if "compile" in names:
        compiled = torch.compile(network)
        made["compile"] = lambda: compiled(image)
    if "channels_last_3d" in names:
        import copy

        last = copy.deepcopy(network).to(memory_format=torch.channels_last_3d)
        turned = image.contiguous(memory_format=torch.channels_last_3d)
        made["channels_last_3d"] = lambda: last(turned)
    return made


def main():
    job = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    torch.manual_seed(1)
    network = NETWORKS[job["network"]]().eval()
    image = torch.rand(job["batch"], 1, *job["size"], generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.onnx.export(
            network, (image[:1],), job["file"], input_names=["image"], output_names=["logits"], opset_version=17, dynamo=False,
            dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
        )
        run = forms(network, image, job["forms"])
        network(image).numpy().tofile(job["file"] + ".logits")
        image.numpy().tofile(job["file"] + ".image")
        for form in run.values():
            form()
        print(json.dumps({"name": f"PyTorch {torch.__version__}"}), flush=True)
        for line in sys.stdin:
            before = time.process_time()
            run[line.strip()]()
            print(json.dumps({"ms": (time.process_time() - before) * 1000}), flush=True)
    with open("/proc/self/status", encoding="utf8") as status:
        print(json.dumps({"peakMb": int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) / 1024}), file=sys.stderr)


main()
