#!/usr/bin/env bash
# Runs the array that `bitloom sweep --slurm` writes on Slurm itself, a controller and one node on this machine, and compares its networks with those
# of the same sweep run here.
#   tests/cross/slurm.sh [FOLDER]      BITLOOM names the program (build/bitloom); FOLDER keeps what is made
# Needs Debian's slurmctld, slurmd, slurm-client and munge; nothing of the system's own configuration is used or changed. Ends with 77, and the reason
# on standard error, when a tool is not installed.
set -euo pipefail

for tool in slurmctld slurmd sbatch scontrol munged; do
  PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null || { echo "$tool is not installed" >&2 && exit 77; }
done
PATH=$PATH:/usr/sbin
program=$(realpath "${BITLOOM:-$(dirname "$0")/../../build/bitloom}")
folder=$(realpath "${1:-$(mktemp -d)}")
mkdir -p "$folder/cluster/state" "$folder/cluster/spool"
cd "$folder"
cluster=$folder/cluster user=$(id -un) host=$(hostname -s)

started=()
finish() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
}
trap finish EXIT

free_port() {
  local port
  while port=$((20000 + RANDOM % 20000)) && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

cat >"$cluster/slurm.conf" <<END
ClusterName=bitloom
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthType=auth/munge
AuthInfo=socket=$cluster/munge.socket
SlurmUser=$user
SlurmdUser=$user
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd.pid
SlurmctldLogFile=$cluster/slurmctld.log
SlurmdLogFile=$cluster/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$cluster/slurm.conf

(umask 077 && head -c 1024 /dev/urandom >"$cluster/munge.key")
munged --foreground --force --key-file="$cluster/munge.key" --socket="$cluster/munge.socket" --pid-file="$cluster/munged.pid" \
  --seed-file="$cluster/munge.seed" >"$cluster/munged.log" 2>&1 &
started+=($!)
for _ in $(seq 50); do [ -S "$cluster/munge.socket" ] || sleep 0.1; done
slurmctld -D >"$cluster/slurmctld.out" 2>&1 &
started+=($!)
slurmd -D >"$cluster/slurmd.out" 2>&1 &
started+=($!)
idle=false
for _ in $(seq 300); do
  if scontrol show node "$host" 2>/dev/null | grep -q 'State=IDLE'; then idle=true && break; fi
  sleep 0.2
done
$idle || { echo "the node did not come up:" >&2 && tail -n 5 "$cluster"/*.log "$cluster"/*.out >&2 && exit 1; }

"$program" train --epochs 1 --out float >/dev/null 2>train.log
# shellcheck disable=SC2054
sweep=(sweep --warmup float/warmup.npz --search-epochs 1 --finetune-epochs 1 --budgets '30%,60%' --granularities channel,layer)
"$program" "${sweep[@]}" --out array --slurm array.sbatch
sbatch --wait --output "$folder/task-%a.out" array.sbatch
"$program" "${sweep[@]}" --out array 2>report.log  # what is left: nothing; and the report
"$program" "${sweep[@]}" --out here >/dev/null 2>here.log
count=0
for network in here/*/network.blig; do
  cmp "$network" "array/${network#here/}"
  count=$((count + 1))
done
grep -q "point" report.log && { echo "the array left points undone:" >&2 && cat report.log >&2 && exit 1; }
echo "$(slurmctld -V): an array of $count tasks gave the networks of the same sweep run here"
