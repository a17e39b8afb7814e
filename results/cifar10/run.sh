#!/usr/bin/env bash
# The CIFAR-10 campaign: one float warm-up, then every run fine-tuned with the same budget. Resumable: run it again
# after an interruption and it continues where it stopped; a finished run is not repeated.
#
#   results/cifar10/run.sh DATA [JOBS]     DATA: cifar-10-binary.tar.gz or its folder; JOBS runs at a time, sharing the cores
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
data=${1:?usage: run.sh DATA [JOBS]}
jobs=${2:-1}
program=${BITLOOM:-build/bitloom}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((($(nproc) + jobs - 1) / jobs))}

common=(--task cifar10 --data "$data" --seed 1)
quantized=("${common[@]}" --augment flip,crop=2 --warmup "$here/float/warmup.npz" --finetune-epochs 4 --finetune-lr 0.0005)
search=("${quantized[@]}" --search-epochs 4 --search-lr 0.0005 --arch-lr 0.02 --weight-bits 2,4,8)

run() {
  local name=$1
  shift
  [[ -f $here/$name/result.json ]] || "$program" "$@" --out "$here/$name"
}

run float train "${common[@]}" --augment flip,crop=2 --epochs 40 --lr 0.005 --weight-decay 0.01
while read -r name arguments; do
  while (($(jobs -rp | wc -l) >= jobs)); do wait -n; done
  # shellcheck disable=SC2086
  case $name in
    w*) run "$name" train "${quantized[@]}" $arguments ;;
    *) run "$name" search "${search[@]}" $arguments ;;
  esac &
done <<'RUNS'
w8a8 --quant w8a8
channel-0.2 --granularity channel --lambda 0.2
w4a8 --quant w4a8
layer-0.2 --granularity layer --lambda 0.2
w2a8 --quant w2a8
channel-1 --granularity channel --lambda 1
layer-1 --granularity layer --lambda 1
w4a4 --quant w4a4
energy-0.2 --granularity channel --act-bits 2,4,8 --cost energy --cost-table measured --lambda 0.2
energy-0.5 --granularity channel --act-bits 2,4,8 --cost energy --cost-table measured --lambda 0.5
energy-2 --granularity channel --act-bits 2,4,8 --cost energy --cost-table measured --lambda 2
RUNS
wait
"$program" report "$here"/{float,w8a8,w4a8,w2a8,layer-*,channel-*} --svg "$here/pareto.svg" --title "CIFAR-10, ResNet-8" | tee "$here/table.txt"
