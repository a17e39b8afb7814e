#!/usr/bin/env bash
# What each part of the progressive recipe is worth on the built-in images: one budget, three seeds, each with its own float network and images, one
# search a part left out. Resumable. A quarter of an hour on 2 idle cores.
#
#   results/demo/ablation.sh [OUT]      OUT: folder of the runs (out/ablation); BITLOOM names the program (build/bitloom)
set -euo pipefail
out=${1:-out/ablation}
program=${BITLOOM:-build/bitloom}

for seed in 0 1 2; do
  "$program" train --epochs 25 --seed "$seed" --out "$out/float-$seed"
  "$program" sweep --warmup "$out/float-$seed/warmup.npz" --search-epochs 6 --finetune-epochs 8 --budgets 10kB --granularities channel \
    --offer 0248 --seeds "$seed" --ablate all --out "$out/seed-$seed"
done
"$program" report "$out"/seed-*/channel-* --table ablation
"$program" report "$out"/seed-*/channel-* --html "$out/report.html" >"$out/table.txt"
