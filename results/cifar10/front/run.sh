#!/usr/bin/env bash
# The CIFAR-10 front: progressive searches by channel and by layer within the same budgets, from one float network, over seeds. Resumable: run
# again after an interruption it continues where it stopped; a finished point is not repeated.
#
#   results/cifar10/front/run.sh DATA [OUT]     DATA: cifar-10-binary.tar.gz or its folder; OUT: folder of the points, else this one
#
# BITLOOM names the program (build/bitloom), SEEDS the seeds ("1 2 3"). A point takes 6 minutes on 2 cores of a Zen 3, 3 from 28 kB on, one with removal of channels 12; on a Zen 5 half of it.
# shellcheck disable=SC2054
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
data=${1:?usage: run.sh DATA [OUT]}
out=${2:-$here}
program=${BITLOOM:-build/bitloom}

float=(--augment flip,crop=2 --optimizer sgd --epochs 80 --lr 0.1 --weight-decay 0.0003)
[[ -f $here/float/warmup.npz ]] || "$program" train --data "$data" --seed 1 "${float[@]}" --out "$here/float"
search=(--data "$data" --augment flip,crop=2 --warmup "$here/float/warmup.npz" --jobs 2 --out "$out")
pairs=("${search[@]}" --search-epochs 4 --finetune-epochs 6 --offer 248 --granularities channel,layer)
large=("${search[@]}" --search-epochs 2 --finetune-epochs 3 --offer 248 --granularities channel,layer)  # little is lost there, and soon learned again
removal=("${search[@]}" --search-epochs 8 --finetune-epochs 11 --offer 0248 --granularities channel)
smallest=("${search[@]}" --search-epochs 4 --finetune-epochs 6 --offer 0248 --granularities channel)

for seed in ${SEEDS:-1 2 3}; do
  for budget in 20.2kB 24kB 22kB; do "$program" sweep "${pairs[@]}" --budgets $budget --seeds "$seed"; done
  for budget in 34kB 28kB 40kB; do "$program" sweep "${large[@]}" --budgets $budget --seeds "$seed"; done
  "$program" sweep "${removal[@]}" --budgets 15.4kB,5.9kB --seeds "$seed"
  "$program" sweep "${smallest[@]}" --budgets 2.9kB --seeds "$seed"
done
"$program" report "$out"/*-s[0-9]*/ --svg "$out/front.svg" --html "$out/report.html" | tee "$out/table.txt"
