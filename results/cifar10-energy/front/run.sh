#!/usr/bin/env bash
# ResNet-8 on CIFAR-10 within half of w8a8's energy: searches by channel and by layer that choose activations, too, from the float network of
# ../../cifar10/front. Resumable: run again after an interruption it continues where it stopped; a finished point is not repeated.
#
#   results/cifar10-energy/front/run.sh DATA [OUT]     DATA: cifar-10-binary.tar.gz or its folder; OUT: folder of the points, else this one
#
# BITLOOM names the program (build/bitloom), SEEDS the seeds ("1 2 3"), EPOCHS those of search and fine-tuning ("4 6"). A pair takes 8 minutes on 2 cores of a Zen 5.
# shellcheck disable=SC2054
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
data=${1:?usage: run.sh DATA [OUT]}
out=${2:-$here}
program=${BITLOOM:-build/bitloom}

read -r searching finetuning <<<"${EPOCHS:-4 6}"
search=(--data "$data" --augment flip,crop=2 --warmup "$here/../../cifar10/front/float/warmup.npz" --search-epochs "$searching" --finetune-epochs "$finetuning" --jobs 2 --out "$out")
energy=(--cost energy --cost-table measured --act-bits 2,4,8 --offer 0248 --granularities channel,layer)
for seed in ${SEEDS:-1 2 3}; do "$program" sweep "${search[@]}" "${energy[@]}" --budgets 50% --seeds "$seed"; done
"$program" report "$out"/*-s[0-9]*/ --svg "$out/front.svg" | tee "$out/table.txt"
