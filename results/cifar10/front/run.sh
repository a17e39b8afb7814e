#!/usr/bin/env bash
# The CIFAR-10 front: progressive searches by channel and by layer within the same budgets, from one float network, over seeds. Resumable: run
# again after an interruption it continues where it stopped; a finished point is not repeated.
#
#   results/cifar10/front/run.sh DATA [OUT]     DATA: cifar-10-binary.tar.gz or its folder; OUT: folder of the points, else this one
#
# BITLOOM names the program (build/bitloom), SEEDS the seeds ("1 2 3"). Budgets are of bits; packed bytes are up to 2 % more where channels
# were removed, so those are a little below the sizes to compare with (15.4, 5.9, 2.9 kB).
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
data=${1:?usage: run.sh DATA [OUT]}
out=${2:-$here}
program=${BITLOOM:-build/bitloom}

# shellcheck disable=SC2054
float=(--augment flip,crop=2 --optimizer sgd --epochs 80 --lr 0.1 --weight-decay 0.0003)
[[ -f $here/float/warmup.npz ]] || "$program" train --data "$data" --seed 1 "${float[@]}" --out "$here/float"
# shellcheck disable=SC2054
search=(--data "$data" --augment flip,crop=2 --warmup "$here/float/warmup.npz" --search-epochs 10 --finetune-epochs 14)

for seed in ${SEEDS:-1 2 3}; do
  while read -r name arguments; do
    folder=$out/$name-seed$seed
    # shellcheck disable=SC2086
    [[ -f $folder/result.json ]] || "$program" search "${search[@]}" --seed "$seed" $arguments --out "$folder"
  done <<'POINTS'
removal-15 --weight-bits 0,2,4,8 --budget 15kB
channel-20 --budget 20.1kB
layer-20 --budget 20.1kB --granularity layer
channel-24 --budget 23.9kB
layer-24 --budget 23.9kB --granularity layer
removal-6 --weight-bits 0,2,4,8 --budget 5.7kB
removal-3 --weight-bits 0,2,4,8 --budget 2.8kB
channel-34 --budget 34kB
layer-34 --budget 34kB --granularity layer
undistilled-15 --weight-bits 0,2,4,8 --budget 15kB --distill 0
POINTS
done
"$program" report "$out"/*-seed*/ --svg "$out/pareto.svg" --title "CIFAR-10, ResNet-8" | tee "$out/table.txt"
