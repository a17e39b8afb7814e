#!/usr/bin/env bash
# The visual-wake-words front (results/front.sh): run.sh vw_coco2014_96 [OUT]
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
"$here/../../front.sh" "${2:-$here}" 110kB,74kB,64kB,56kB 110kB,74kB,64kB,56kB,40kB,25kB --task vww --data "${1:?usage: run.sh vw_coco2014_96 [OUT]}"
