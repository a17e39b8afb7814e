#!/usr/bin/env bash
# The front of anomaly detection on a fan's vibration (results/front.sh): run.sh fan_vibration.npz [OUT]
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
"$here/../../front.sh" "${2:-$here}" 132kB,92kB,80kB,67kB 132kB,92kB,80kB,67kB,40kB,20kB --data "${1:?usage: run.sh fan_vibration.npz [OUT]}"
