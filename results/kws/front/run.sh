#!/usr/bin/env bash
# The keyword-spotting front (results/front.sh): run.sh speech_commands_v0.02 [OUT]
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
"$here/../../front.sh" "${2:-$here}" 12kB,8kB,7kB,6.2kB 12kB,8kB,7kB,6.2kB,4.5kB,3kB --task kws --data "${1:?usage: run.sh speech_commands_v0.02 [OUT]}"
