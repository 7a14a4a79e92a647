#!/usr/bin/env bash
# Compares Troupe with Apache Kafka 4.3.1 on this machine, side by side: both run with the same heap and collector, and runs of Kafka's own performance
# tools alternate between them (ABBA), after a warm-up, so that what else the machine does meets both.
#
# Usage: bench/compare-with-kafka.sh [option]...
#   --nodes 1|3         one broker on each side, or a cluster of three (Kafka's in KRaft's combined mode)   (default 1)
#   --shapes LIST       some of the shapes below                      (default start,produce,partitions,flush,consume,latency; three nodes: produce,latency)
#   --cores WHICH       free: brokers and clients wherever the kernel puts them; pinned: the brokers on core 0, clients on core 1; both
#                       (default both; three nodes: free)
#   --pairs N           pairs of runs for each shape                  (default 3)
#   --mb N              payload of one run in MB                      (default 200)
#   --warm-mb N         payload that warms the brokers of a side when they have started, half of it in small and half in large batches, so that the figures
#                       are less those of the JIT compilers; each shape is warmed by one run besides    (default 2000, quick 80)
#   --heap SIZE         each broker's -Xmx                            (default 1g; three nodes: 512m)
#   --limit SECONDS     start no run after that long; each shape gets an equal share of what is left of it     (default 3000, quick 240)
#   --many N, --idle-seconds N  partitions and seconds of the idle shape  (default 1000, 60)
#   --kafka-set K=V     a setting of Kafka's brokers, may be given often; --troupe-set K=V of Troupe's
#   --kafka-with-kafka  Kafka in both places: shows how far ratios stray from 1 by chance
#   --quick             one short look (at most five minutes): start and the four shapes of the produce path, 3 pairs of 40 MB, free
#
# Shapes on brokers that stay up:
#   produce     one partition, one producer: 100 B and 1 KiB, batch.size 16384 and 131072, linger 5, acks=1; 100 B with linger 0 (three nodes: 1 KiB, 131072,
#               linger 5, with acks=1 and acks=all)
#   partitions  100 partitions, four producers, 1 KiB
#   flush       flush.messages=1, eight producers, linger 0, and the fsyncs per produce request
#   consume     catch-up of 2 GB from the page cache, ten times --mb at most
#   groups      (one node) 5,000 classic groups of one member that each commit once a second, and 1,000 members that join one group of the consumer protocol
#   rebalances  (one node) from members' start or close until every partition is owned again, 1, 4, 2 and 5 of Kafka's consumers on 10 partitions, with the
#               classic, the cooperative and the consumer protocol; and a classic group of ten that all join again
#   latency     one record at a time: send to arrival (acks=1), send to acknowledgement (three nodes: acks=1, acks=all and the difference of their medians)
# Shapes that start their own brokers, one side at a time:
#   start       from start to ready, and the memory held then
#   idle        CPU of a node in 60 idle seconds without partitions and with 1,000 that have replicas on all nodes, and how long making these takes
#   failover    (three nodes) the longest gap without a successful write, acks=all every 10 ms on one partition on all nodes with min.insync.replicas=2, after
#               kill -9 of its leader, kill -9 of a leader that is the controller too, SIGTERM of its leader; --pairs are its rounds
#   group-failover  (three nodes) 5,000 classic groups of one member that each commit once a second, and after a minute kill -9 of a broker that coordinates some of
#               them: from that to their first acknowledged commit, and to that of the other groups, which is the failover gap
#
# Before that the page cache is filled, as it is on any machine that has run for a while (--no-fill leaves that out, as --quick does). A virtual machine may have given its free
# memory back to the host, and then each page costs ten times as much the first time, which brokers that write alike would pay alike: ratios would say little.
#
# A pair in which the hypervisor gave more than 4 % of the cores to others (steal time) is run again, up to four times and while the shape's time lasts.
# A shape that goes wrong is left, told at the end, and makes the exit code 1.
#
# Printed: a table of Troupe's median, Kafka's median and the ratio (median, least and greatest of the pairs). CPU is user + system time of the brokers' whole
# processes while a run lasts, per GB (10^9 bytes) of payload; RSS in MiB; both of all nodes together. target/bench/<time>/ keeps the raw figures, the table and
# ratios.svg.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
root=$(dirname "$here")
say() { printf '%s\n' "$*" >&2; }
die() { say "compare-with-kafka: $*"; exit 1; }
usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; }

nodes=1 pairs=3 mb=200 limit=3000 a=troupe cores='' shapes='' heap='' warm_mb='' fill=1 kafka_set='' troupe_set=''
# What bounds a run, in seconds: a start, one call of a tool, the two halves of the latency shape, one failover.
start_limit=180 run_limit=300 latency_records=10000 latency_seconds=20 failover_seconds=90
settle_seconds=20 idle_seconds=60 many=1000 groups=5000 group_members=1000
stolen_limit=4 repeated=0 kept=0 gave_up=0
known=start,produce,partitions,flush,consume,groups,rebalances,latency,idle,failover,group-failover
while (($#)); do
  case $1 in
    --quick) pairs=3 mb=40 limit=240 warm_mb=${warm_mb:-80} fill='' cores=free shapes=start,produce ;;
    --nodes | --shapes | --cores | --pairs | --mb | --warm-mb | --heap | --limit | --many | --idle-seconds | --kafka-set | --troupe-set)
      (($# >= 2)) || die "$1 needs a value"
      case $1 in
        --nodes) nodes=$2 ;; --shapes) shapes=$2 ;; --cores) cores=$2 ;; --pairs) pairs=$2 ;; --mb) mb=$2 ;; --warm-mb) warm_mb=$2 ;; --heap) heap=$2 ;; --limit) limit=$2 ;;
        --many) many=$2 ;; --idle-seconds) idle_seconds=$2 ;;
        --kafka-set) kafka_set+=$2$'\n' ;; --troupe-set) troupe_set+=$2$'\n' ;;
      esac
      shift ;;
    --kafka-with-kafka) a=kafka ;;
    --no-fill) fill='' ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; say "compare-with-kafka: unknown option $1"; exit 2 ;;
  esac
  shift
done
: "${warm_mb:=2000}"
for number in "$pairs" "$mb" "$warm_mb" "$limit" "$many" "$idle_seconds"; do [[ $number =~ ^[1-9][0-9]*$ ]] || die "'$number': expected a number above 0"; done
case $nodes in
  1) : "${shapes:=start,produce,partitions,flush,consume,latency}" "${cores:=both}" "${heap:=1g}" ;;
  3) : "${shapes:=produce,latency}" "${cores:=free}" "${heap:=512m}" ;;
  *) die "--nodes: '$nodes' is none of 1, 3" ;;
esac
heap=-Xmx$heap
for shape in ${shapes//,/ }; do
  [[ ,$known, == *,$shape,* ]] || die "--shapes: '$shape' is none of ${known//,/, }"
  [[ $shape != groups && $shape != rebalances || $nodes == 1 ]] || die "--shapes $shape needs --nodes 1"
  [[ $shape != *failover || $nodes == 3 ]] || die "--shapes $shape needs --nodes 3"
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
consume_mb=$((mb * 10 < 2000 ? mb * 10 : 2000))
jdk=${JAVA_HOME:+$JAVA_HOME/bin/}
java=${jdk}java
for command in java javac jcmd jfr; do command -v "$jdk$command" >/dev/null || die "no $command on the PATH: a whole JDK is needed"; done
"$here/resolve-kafka.sh"
kafka_lib=$root/target/kafka/lib
[[ $a == kafka ]] || "$root/bin/troupe-run-class.sh" --build

pin_broker='' pin_client='' pinning=free
work=$root/target/bench/$(date +%Y%m%d-%H%M%S)-$$
mkdir -p "$work"
raw=$work/raw.tsv
: >"$raw"
# Ends a process and all that it started: tools run below timeout, Troupe's brokers below their start script.
end_tree() { # pid
  local children='' child
  { read -r children <"/proc/$1/task/$1/children"; } 2>/dev/null || true
  kill -9 "$1" 2>/dev/null || true
  for child in $children; do end_tree "$child"; done
}
# Ends what is still running.
end_all() {
  local job
  for job in $(jobs -p) "${pid[@]:-}" "${starter[@]:-}"; do [[ -z $job ]] || end_tree "$job"; done
  rm -rf "$work"/data-* "$work"/producer-* "$work"/clients
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
cat >"$work/forces.jfc" <<'J'
<?xml version="1.0" encoding="UTF-8"?>
<configuration version="2.0"><event name="jdk.FileForce"><setting name="enabled">true</setting><setting name="threshold">0 ms</setting></event></configuration>
J
sed 's/level=info/level=error/' "$work/log4j2.properties" >"$work/log4j2-tools.properties"
"${jdk}javac" -d "$work/clients" -cp "$kafka_lib/*" "$here"/clients/*.java || die "the clients in $here/clients do not compile"

tool() { # main class and its arguments
  timeout -k 5 $run_limit $pin_client "$java" -Xmx256m -Dlog4j2.configurationFile="$work/log4j2-tools.properties" -cp "$work/clients:$kafka_lib/*" "$@"
}
client() { # a class of bench/clients and its arguments
  tool "$@" 2>"$work/client.err" || { tail -5 "$work/client.err" >&2; say "$1 failed or took longer than $run_limit s"; return 1; }
}
note() { printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$pinning" "$@" >>"$raw"; } # shape, figure, side, pair, value

# shellcheck source=bench/brokers.sh
. "$here/brokers.sh"
# shellcheck source=bench/shapes.sh
. "$here/shapes.sh"
# shellcheck source=bench/lone.sh
. "$here/lone.sh"

wanted() { [[ ,$shapes, == *,$1,* ]]; }

# Gives the next measurement its share of the time that is left, or returns 1 when none is. Sets deadline.
share_time() { # name
  if ((SECONDS >= limit)); then
    say "no time left for: $pinning, $*"
    gave_up=$((gave_up + 1))
    return 1
  fi
  deadline=$((SECONDS + (limit - SECONDS) / planned))
}
# Whether a run may still start at all.
in_time() { ((SECONDS < limit)) || { failed "$* (time limit of $limit s)"; return 1; }; }
# Whether there is time for another run as long as the last one, which began at that second.
time_for_another() { ((SECONDS + SECONDS - $1 <= deadline)); }

failed() { # what
  say "given up: $pinning, $*"
  gave_up=$((gave_up + 1))
}

# in_pairs <function> [argument]...: warm-up of either side, then the pairs, at least one of them.
in_pairs() {
  local load=$1 side pair order tries share worst begun deadline
  share_time "$@" || { planned=$((planned - 1)); return 0; }
  planned=$((planned - 1))
  for side in A B; do
    running "$side" || { failed "$*: not all brokers of side $side (${kind[$side]}) run any more"; return 0; }
    in_time "$@" || return 0
    say "warm-up: $side, $pinning, $*"
    "$load" "$side" 0 "${@:2}" || { failed "$* (warm-up of ${kind[$side]})"; return 0; }
  done
  begun=$SECONDS
  for ((pair = 1; pair <= pairs; pair++)); do
    ((pair == 1)) || time_for_another "$begun" || { say "its time is over after $((pair - 1)) pairs: $*"; return 0; }
    order='A B'; ((pair % 2)) || order='B A'
    for ((tries = 1; ; tries++)); do
      cp "$raw" "$raw.before"
      worst=0 begun=$SECONDS
      for side in $order; do
        in_time "$@" || { mv "$raw.before" "$raw"; return 0; }
        say "pair $pair: $side, $pinning, $*"
        measure_stolen "$load" "$side" "$pair" "${@:2}" || { mv "$raw.before" "$raw"; failed "$* (pair $pair, ${kind[$side]})"; return 0; }
        ((share <= worst)) || worst=$share
      done
      ((worst > stolen_limit)) || break
      { ((tries < 4)) && time_for_another "$begun"; } || { kept=$((kept + 1)); break; }
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
  "$@" || return 1
  share=$((($(stolen_ms) - stolen) * 100 / (($(now_ms) - begun + 1) * $(nproc))))
}

# in_turns <function>: rounds of a measurement that starts its own brokers.
in_turns() {
  local round side begun deadline
  share_time "$@" || { planned=$((planned - 1)); return 0; }
  planned=$((planned - 1))
  begun=$SECONDS
  for ((round = 1; round <= pairs; round++)); do
    ((round == 1)) || time_for_another "$begun" || { say "its time is over after $((round - 1)) rounds: $*"; return 0; }
    begun=$SECONDS
    for side in A B; do
      in_time "$@" || return 0
      say "round $round: $side (${kind[$side]}), $*"
      "$1" "$side" "$round" || {
        failed "$* (round $round, ${kind[$side]}); its logs: $work/failed-$round-$side"
        mkdir -p "$work/failed-$round-$side"
        cp "$work/broker-$side"*.log "$work/failed-$round-$side" || true
      }
      stop "$side"
    done
  done
}

# The measurements on brokers that stay up, a line each, in the order of what is asked most.
loads() {
  local size batch shape
  if wanted produce && ((nodes > 1)); then
    echo shape_produce 1024 131072 5 1
    echo shape_produce 1024 131072 5 all
  elif wanted produce; then
    for size in 100 1024; do for batch in 16384 131072; do echo "shape_produce $size $batch 5 1"; done; done
    ((limit < 300)) || echo shape_produce 100 16384 0 1
  fi
  for shape in partitions flush consume groups rebalances latency; do ! wanted "$shape" || echo "shape_$shape"; done
}

# Reading a file of holes fills the page cache without a byte on the disk, and all of it can be taken again at once.
fill_page_cache() {
  local mb
  mb=$(awk '/^MemFree:/ {print int($2 / 1024) - 1024}' /proc/meminfo)
  ((mb > 0)) || return 0
  say "fills the page cache with $mb MB"
  truncate -s "${mb}M" "$work/data-cache"
  timeout 120 cat "$work/data-cache" >/dev/null || say "the page cache is filled only in part"
}

SECONDS=0
[[ -z $fill ]] || fill_page_cache
declare -A kind=([A]=$a [B]=kafka)
mapfile -t planned_loads < <(loads)
lone=()
for shape in start idle failover group-failover; do ! wanted $shape || lone+=("lone_${shape//-/_}"); done
pinning_count=$(wc -w <<<"$pinnings")
planned=$((${#lone[@]} + ${#planned_loads[@]} * pinning_count))
for shape in ${lone[@]+"${lone[@]}"}; do in_turns "$shape"; done
if ((${#planned_loads[@]})); then
  for pinning in $pinnings; do
    [[ $pinning == free ]] || { pin_broker='taskset -c 0' pin_client='taskset -c 1'; }
    for side in A B; do start $side "${kind[$side]}" || die "${kind[$side]} does not start"; done
    for side in A B; do
      say "warm-up: $side, $pinning, $warm_mb MB"
      warm_up $side || die "${kind[$side]} does not take records"
    done
    for load in "${planned_loads[@]}"; do
      # shellcheck disable=SC2086
      in_pairs $load
    done
    for side in A B; do
      ! running $side || note all "peak RSS MiB" $side 1 "$(memory_mb $side VmHWM)"
      stop $side
    done
  done
fi

title="${a^} and Kafka 4.3.1, $(date +%Y-%m-%d), $(nproc) cores, $("$java" -version 2>&1 | head -1), $nodes node(s), $heap, up to $pairs pairs of $mb MB"
printf '\n%s\n\n' "$title"
awk -v a="${a^}" -f "$here/ratios.awk" "$raw" | tee "$work/table.txt"
awk -v a="${a^}" -v svg=1 -v title="$title" -f "$here/ratios.awk" "$raw" >"$work/ratios.svg"
if wanted failover; then
  printf '\nGaps without a successful write, every round, ms:\n'
  awk -v a="${a^}" -F'\t' '$3 == "gap ms" {k = $2 ", " ($4 == "A" ? a : "Kafka"); if (!(k in g)) o[++n] = k; g[k] = g[k] " " $6} END {for (i = 1; i <= n; i++) print "  " o[i] ":" g[o[i]]}' \
    "$raw" | tee -a "$work/table.txt"
fi
((repeated + kept == 0)) || say "$repeated pairs were run again because the hypervisor took more than $stolen_limit % of the cores; $kept such pairs count, after four tries or for lack of time."
say "raw figures, table and picture: $work ($SECONDS s)"
((gave_up == 0)) || { say "$gave_up measurements were given up; see above"; exit 1; }
