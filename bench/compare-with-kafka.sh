#!/usr/bin/env bash
# Compares Troupe with Apache Kafka 4.3.1 on this machine, side by side: both brokers run with the same heap and collector, and runs of Kafka's own
# performance tools alternate between them (ABBA), after a warm-up, so that what else the machine does meets both.
#
# Usage: bench/compare-with-kafka.sh [--quick] [--shapes LIST] [--cores free|pinned|both] [--pairs N] [--mb N] [--limit SECONDS] [--kafka-with-kafka]
#   --quick             one short look (at most four minutes): the four shapes of the produce path, 3 pairs of 40 MB, free
#   --shapes LIST       some of: start,produce,partitions,flush,consume,latency   (default all)
#   --cores WHICH       free: brokers and clients wherever the kernel puts them; pinned: the broker on core 0, clients on core 1  (default both)
#   --pairs N           pairs of runs for each shape                  (default 3)
#   --mb N              payload of one run in MB                      (default 200)
#   --limit SECONDS     start no run after that long                  (default 3000, quick 240)
#   --kafka-with-kafka  Kafka in both places: shows how far ratios stray from 1 by chance
#
# A pair in which the hypervisor gave more than 4 % of the cores to others (steal time) is run again, up to four times.
#
# Printed: a table of Troupe's median, Kafka's median and the ratio (median, least and greatest of the pairs). Broker CPU is user + system time
# of the broker's whole process while a run lasts, per GB (10^9 bytes) of payload; RSS in MiB. target/bench/<time>/ keeps the raw figures, the
# table and ratios.svg.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
root=$(dirname "$here")
say() { printf '%s\n' "$*" >&2; }
die() { say "compare-with-kafka: $*"; exit 1; }
usage() { sed -n '2,19s/^# \{0,1\}//p' "$0"; }

pairs=3 mb=200 consume_mb=2000 latency_records=10000 limit=3000 a=troupe cores=both
stolen_limit=4 repeated=0 kept=0
shapes=start,produce,partitions,flush,consume,latency
while (($#)); do
  case $1 in
    --quick) pairs=3 mb=40 limit=240 cores=free shapes=start,produce ;;
    --shapes | --cores | --pairs | --mb | --limit)
      (($# >= 2)) || die "$1 needs a value"
      case $1 in --shapes) shapes=$2 ;; --cores) cores=$2 ;; --pairs) pairs=$2 ;; --mb) mb=$2 ;; --limit) limit=$2 ;; esac
      shift ;;
    --kafka-with-kafka) a=kafka ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; say "compare-with-kafka: unknown option $1"; exit 2 ;;
  esac
  shift
done
for number in "$pairs" "$mb" "$limit"; do [[ $number =~ ^[1-9][0-9]*$ ]] || die "'$number': expected a number above 0"; done
for shape in ${shapes//,/ }; do
  case $shape in start | produce | partitions | flush | consume | latency) ;; *) die "--shapes: '$shape' is none of start, produce, partitions, flush, consume, latency" ;; esac
done
case $cores in
  free) pinnings=free ;;
  pinned) pinnings=pinned ;;
  both) pinnings='free pinned' ;;
  *) die "--cores: '$cores' is none of free, pinned, both" ;;
esac
[[ -r /proc/self/stat ]] || die "needs Linux's /proc"
if [[ $pinnings == *pinned* ]] && { ! command -v taskset >/dev/null || (($(nproc) < 2)); }; then
  die "--cores $cores needs taskset and two cores; --cores free does without"
fi
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
command -v "$java" >/dev/null || die "no java on the PATH"
"$here/resolve-kafka.sh"
kafka_lib=$root/target/kafka/lib
[[ $a == kafka ]] || "$root/bin/troupe-run-class.sh" --build

heap=-Xmx1g pin_broker='' pin_client='' pinning=free
work=$root/target/bench/$(date +%Y%m%d-%H%M%S)-$$
mkdir -p "$work"
raw=$work/raw.tsv
: >"$raw"
# Ends what is still running, the broker that a start script runs as its child too.
end_all() {
  local job
  for job in $(jobs -p) "${pid[@]:-}"; do
    [[ -z $job ]] || kill -9 "$job" $(cat "/proc/$job/task/$job/children" 2>/dev/null) 2>/dev/null || true
  done
  rm -rf "$work"/data-* "$work"/producer-*
}
trap end_all EXIT
trap 'exit 130' INT TERM

cat >"$work/log4j2.properties" <<'L'
status=error
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %p %c{1} - %m%n
rootLogger.level=info
rootLogger.appenderRef.console.ref=console
L
sed 's/level=info/level=error/' "$work/log4j2.properties" >"$work/log4j2-tools.properties"

tool() { # main class and its arguments
  timeout 300 $pin_client "$java" -Xmx256m -Dlog4j2.configurationFile="$work/log4j2-tools.properties" -cp "$kafka_lib/*" "$@"
}
note() { printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$pinning" "$@" >>"$raw"; } # shape, figure, side, pair, value

# shellcheck source=bench/brokers.sh
. "$here/brokers.sh"
# shellcheck source=bench/shapes.sh
. "$here/shapes.sh"

wanted() { [[ ,$shapes, == *,$1,* ]]; }

# in_pairs <function> [argument]...: warm-up of either side, then the pairs. Fails once the time is over.
in_pairs() {
  local load=$1 side pair order tries share worst
  for side in A B; do
    ((SECONDS <= limit)) || { say "time limit of $limit s reached before $*"; return 1; }
    say "warm-up: $side, $pinning, $*"
    "$load" "$side" 0 "${@:2}"
  done
  for ((pair = 1; pair <= pairs; pair++)); do
    order='A B'; ((pair % 2)) || order='B A'
    for ((tries = 1; ; tries++)); do
      ((SECONDS <= limit)) || { say "time limit of $limit s reached in $*"; return 1; }
      cp "$raw" "$raw.before"
      worst=0
      for side in $order; do
        say "pair $pair: $side, $pinning, $*"
        measure_stolen "$load" "$side" "$pair" "${@:2}"
        ((share <= worst)) || worst=$share
      done
      ((worst > stolen_limit)) || break
      ((tries < 4)) || { kept=$((kept + 1)); break; }
      say "pair $pair: the hypervisor took $worst % of the cores in one of its runs: once more"
      mv "$raw.before" "$raw"
      repeated=$((repeated + 1))
    done
  done
}

# Runs a load and sets share: how much of the cores, in percent, the hypervisor gave to others meanwhile. A virtual machine's neighbours would
# otherwise pass for a difference of the brokers.
measure_stolen() {
  local stolen begun
  stolen=$(stolen_ms) begun=$(now_ms)
  "$@"
  share=$((($(stolen_ms) - stolen) * 100 / (($(now_ms) - begun + 1) * $(nproc))))
}

loads() {
  local size batch
  if wanted produce; then
    for size in 100 1024; do for batch in 16384 131072; do in_pairs shape_produce "$size" "$batch" 5 || return 0; done; done
    ((limit < 300)) || in_pairs shape_produce 100 16384 0 || return 0
  fi
  for shape in partitions flush consume latency; do
    ! wanted "$shape" || in_pairs "shape_$shape" || return 0
  done
}

SECONDS=0
declare -A kind=([A]=$a [B]=kafka)
if wanted start; then
  in_pairs cold_start || true
fi
if [[ $shapes != start ]]; then
  for pinning in $pinnings; do
    [[ $pinning == free ]] || { pin_broker='taskset -c 0' pin_client='taskset -c 1'; }
    start A "${kind[A]}"
    start B kafka
    loads
    for side in A B; do note all "peak RSS MiB" "$side" 1 $(($(status_kb "$side" VmHWM) / 1024)); done
    stop A
    stop B
  done
fi

title="${a^} and Kafka 4.3.1, $(date +%Y-%m-%d), $(nproc) cores, $("$java" -version 2>&1 | head -1), $heap, $pairs pairs of $mb MB, acks=1"
printf '\n%s\n\n' "$title"
awk -v a="${a^}" -f "$here/ratios.awk" "$raw" | tee "$work/table.txt"
awk -v a="${a^}" -v svg=1 -v title="$title" -f "$here/ratios.awk" "$raw" >"$work/ratios.svg"
((repeated + kept == 0)) || say "$repeated pairs were run again because the hypervisor took more than $stolen_limit % of the cores; $kept such pairs count, after four tries."
say "raw figures, table and picture: $work"
