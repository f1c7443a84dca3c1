#!/usr/bin/env bash
# Arranges the ten demo cases of deepvoxnet2 as an nnU-Net raw folder:
# bash studies/brats/arrange.sh CLONE/demos/brats_2018 ../brats-2018
set -euo pipefail
from=${1:?folder with case_0 to case_9}
to=${2:?new folder of the data set}
mkdir -p "$to/imagesTr" "$to/labelsTr"
for case in "$from"/case_[0-9]; do
  id=$(basename "$case")
  cp "$case/FLAIR.nii.gz" "$to/imagesTr/${id}_0000.nii.gz"
  cp "$case/T1.nii.gz" "$to/imagesTr/${id}_0001.nii.gz"
  cp "$case/GT_W.nii.gz" "$to/labelsTr/$id.nii.gz"
done
cat > "$to/dataset.json" <<'JSON'
{
  "channel_names": { "0": "FLAIR", "1": "T1" },
  "labels": { "background": 0, "whole_tumour": 1 },
  "file_ending": ".nii.gz"
}
JSON
