#!/usr/bin/env bash
# Writes results/README.md: every front that is committed here, with its picture, table, savings and differences.
#   results/report.sh      BITLOOM names the program (build/bitloom)
# shellcheck disable=SC2016
set -euo pipefail
cd "$(dirname "$0")"
program=$(realpath "${BITLOOM:-../build/bitloom}")

section() { printf '\n## %s\n\n' "$1"; }
listing() { printf '\n```\n' && cat "$1" && printf '```\n'; }

# A front: its folder, and the folders of its points.
front() {
  local folder=$1 table
  shift
  "$program" report "$@" --svg "$folder/front.svg" --markdown
  printf '\n![accuracy against weight memory](%s/front.svg)\n' "$folder"
  for table in savings differences ablation; do
    if "$program" report "$@" --table $table --markdown >part.md 2>/dev/null; then
      printf '\n%s:\n\n' "$(tr '[:lower:]' '[:upper:]' <<<${table:0:1})${table:1}" && cat part.md
    fi
  done
  rm -f part.md
}

{
  echo "# Fronts"
  printf '\nWritten by `results/report.sh` from the folders beside it. Scores are of integer networks on the test set, cycles and energy by the published '
  printf 'table unless a folder says otherwise. Intervals over seeds need two of them, those over test images '
  printf '`predictions.npz` of every run (`bitloom eval RUN --data DATA --predictions RUN/predictions.npz`).\n'
  for folder in */front; do
    points=("$folder"/*-s[0-9]*/)
    [[ -d ${points[0]} ]] || continue  # none is made yet
    section "$folder"
    printf '[How it was made](%s/README.md)\n\n' "$folder"
    front "$folder" "${points[@]%/}"
  done
  section "cifar10: the paper's recipe"
  printf '[How it was made](cifar10/README.md)\n'
  listing cifar10/table.txt
  printf '\n![accuracy against weight memory](cifar10/pareto.svg)\n'
  section "demo: built-in images"
  printf '`make demo`, seed 0:\n'
  listing demo/table.txt
  printf '\n![accuracy against weight memory](demo/pareto.svg)\n\nEight seeds:\n'
  listing demo/seeds.txt
  printf '\nEight seeds with all of the channels:\n'
  listing demo/seeds-full-width.txt
  printf '\nVisual wake words, one seed:\n'
  listing demo/vww.txt
  printf '\nWhat the parts of the search are worth:\n'
  listing demo/ablation.txt
  printf '\nFewer channels instead of channels removed:\n'
  listing demo/width.txt
  section "Energy on the simulated core"
  printf '[Networks](cifar10/README.md), [against uniform precisions, XpulpV2 and exported C](mpic/baseline.txt), [prediction](mpic/prediction.txt)\n'
} >README.md.new
mv README.md.new README.md
