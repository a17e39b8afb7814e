#!/bin/sh
# Our convolution kernels beside oneDNN's, layer by layer, in GFLOP/s as a Markdown table: three alternating rounds, medians.
# Needs oneDNN (Debian: libdnnl-dev) and `make build/bench/kernels_bench`. OMP_NUM_THREADS as you like.
set -eu
cd "$(dirname "$0")/../.."
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
${CXX:-g++} -std=c++17 -O2 -I. bench/peers/onednn_conv.cpp -ldnnl -o "$out/onednn_conv"
for round in 1 2 3; do
  build/bench/kernels_bench --benchmark_filter='resnet8|ds_cnn|mobilenet' --benchmark_min_time=0.1 --benchmark_format=csv 2>/dev/null |
    sed -n 's#^"\(.*\)/real_time",.*,\([0-9.e+]*\)$#ours \1 \2#p' >> "$out/rows"
  "$out/onednn_conv" | sed 's/^/onednn /' >> "$out/rows"
done
echo '| layer | bitloom | oneDNN | ratio |'
echo '|---|---|---|---|'
sort -k2,2 -k1,1 -k3,3g "$out/rows" | awk '
  { key = $1 " " $2; value[key, ++count[key]] = $1 == "ours" ? $3 / 1e9 : $3; if (!($2 in seen)) { seen[$2]; order[++layers] = $2 } }
  END { for (i = 1; i <= layers; ++i) { o = value["ours " order[i], 2]; d = value["onednn " order[i], 2]
    if (o && d) printf "| %s | %.0f | %.0f | %.2f |\n", order[i], o, d, o / d } }'
