#!/usr/bin/env bash
# Compares Troupe with Apache Kafka 4.3.1 on this machine, side by side: both brokers run with the same heap, and runs of Kafka's
# producer-perf-test alternate between them (ABBA), after a warm-up, so that what else the machine does meets both.
#
# Usage: bench/compare-with-kafka.sh [--quick] [--pairs N] [--mb N] [--limit SECONDS] [--kafka-with-kafka]
#   --quick             one short look (about two minutes): 3 pairs of 40 MB
#   --pairs N           pairs of runs for each shape                  (default 5)
#   --mb N              payload of one run in MB                      (default 300)
#   --limit SECONDS     stop measuring after that long                (default 1500, quick 240)
#   --kafka-with-kafka  Kafka in both places: shows how far ratios stray from 1 by chance
#
# Printed: a table of Troupe's median, Kafka's median and the ratio (median, least and greatest of the pairs). Broker CPU is user + system time
# of the broker's whole process while a run lasts, per GB (10^9 bytes) of payload; RSS in MiB. Raw figures stay in target/bench/<time>/.
set -euo pipefail
export LC_ALL=C

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
pairs=5 mb=300 limit=1500 quick=0 a=troupe
while (($#)); do
  case $1 in
    --quick) quick=1 pairs=3 mb=40 limit=240 ;;
    --pairs) pairs=$2; shift ;;
    --mb) mb=$2; shift ;;
    --limit) limit=$2; shift ;;
    --kafka-with-kafka) a=kafka ;;
    *) sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done

say() { printf '%s\n' "$*" >&2; }
die() { say "compare-with-kafka: $*"; exit 1; }

[[ -r /proc/self/stat ]] || die "needs Linux's /proc"
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
command -v "$java" >/dev/null || die "no java on the PATH"
"$root/bench/resolve-kafka.sh"
kafka_lib=$root/target/kafka/lib
[[ $a == kafka || -f $root/target/troupe.jar ]] || die "target/troupe.jar is missing; build with: mvn -DskipTests package"

heap=-Xmx1g
work=$root/target/bench/$(date +%Y%m%d-%H%M%S)-$$
mkdir -p "$work"
raw=$work/raw.tsv
: >"$raw"
declare -A pid port start_ms idle_kb
trap 'for p in "${pid[@]:-}"; do [[ -z $p ]] || kill -9 "$p" 2>/dev/null || true; done; rm -rf "$work"/data-*' EXIT
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

now_ms() { local t=$EPOCHREALTIME; echo $((${t%.*} * 1000 + 10#${t#*.} / 1000)); }

# A port nobody listens on, below the ephemeral range.
next_port=$((20000 + $$ % 5000))
free_port() { # -> REPLY
  while :; do
    next_port=$((next_port + 1))
    (exec 3<>"/dev/tcp/127.0.0.1/$next_port") 2>/dev/null || { REPLY=$next_port; return; }
  done
}

tool() { # main class and its arguments
  timeout 300 "$java" -Xmx512m -Dlog4j2.configurationFile="$work/log4j2-tools.properties" -cp "$kafka_lib/*" "$@"
}

# start <side> <kind>: side is A or B; sets pid, port and start_ms of the side
start() {
  local side=$1 kind=$2 ready log=$work/broker-$1.log begun
  free_port; port[$side]=$REPLY
  local file=$work/$side.properties common=(-Dfile.encoding=UTF-8 "$heap")
  rm -rf "$work/data-$side"
  if [[ $kind == kafka ]]; then
    free_port
    cat >"$file" <<P
node.id=1
process.roles=broker,controller
listeners=PLAINTEXT://127.0.0.1:${port[$side]},CONTROLLER://127.0.0.1:$REPLY
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:$REPLY
log.dirs=$work/data-$side
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
P
    tool kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qk -c "$file" >"$work/format.log" 2>&1
    ready='Kafka Server started'
    common+=(-XX:+UseG1GC -XX:MaxGCPauseMillis=20 -Dlog4j2.configurationFile="$work/log4j2.properties" -cp "$kafka_lib/*" kafka.Kafka "$file")
  else
    free_port; local http=$REPLY
    free_port
    cat >"$file" <<P
broker.id=1
listeners=PLAINTEXT://127.0.0.1:${port[$side]}
log.dirs=$work/data-$side
troupe.http.listener=127.0.0.1:$http
troupe.actor.listener=127.0.0.1:$REPLY
P
    ready=serving
    common+=(--add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED)
    common+=(-cp "$root/target/troupe.jar:$root/target/lib/*" io.troupe.server.Main "$file")
  fi
  begun=$(now_ms)
  : >"$log"
  "$java" "${common[@]}" >"$log" 2>&1 &
  pid[$side]=$!
  until grep -q "$ready" "$log"; do
    kill -0 "${pid[$side]}" 2>/dev/null || { tail -20 "$log" >&2; die "$kind ended before it served"; }
    (($(now_ms) - begun < 60000)) || { tail -20 "$log" >&2; die "$kind did not serve within 60 s"; }
    sleep 0.02
  done
  start_ms[$side]=$(($(now_ms) - begun))
}

stop() { # side
  kill "${pid[$1]}" 2>/dev/null || true
  local i
  for ((i = 0; i < 200; i++)); do kill -0 "${pid[$1]}" 2>/dev/null || break; sleep 0.1; done
  kill -9 "${pid[$1]}" 2>/dev/null || true
  wait "${pid[$1]}" 2>/dev/null || true
  pid[$1]=
}

ticks=$(getconf CLK_TCK)
cpu_ms() { awk -v t="$ticks" '{sub(/^.*\) /, ""); split($0, f, " "); print int((f[12] + f[13]) * 1000 / t)}' "/proc/${pid[$1]}/stat"; }
status_kb() { awk -v k="$2:" '$1 == k {print $2}' "/proc/${pid[$1]}/status"; }
note() { printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$raw"; } # shape, metric, side, pair, value

# run <side> <shape> <pair> <size> <batch> <records>: pair 0 is warm-up and not noted
run() {
  local side=$1 shape=$2 pair=$3 size=$4 batch=$5 records=$6 before after line
  before=$(cpu_ms "$side")
  line=$(tool org.apache.kafka.tools.ProducerPerformance --topic "bench-$size-$batch" --num-records "$records" \
    --record-size "$size" --throughput -1 --bootstrap-server "127.0.0.1:${port[$side]}" \
    --command-property acks=1 linger.ms=5 batch.size="$batch" buffer.memory=67108864 2>"$work/tool.err" | tail -1) ||
    { cat "$work/tool.err" >&2; die "the producer failed against side $side"; }
  after=$(cpu_ms "$side")
  [[ $line == "$records records sent"* ]] || { cat "$work/tool.err" >&2; die "unexpected: $line"; }
  ((pair == 0)) && return
  note "$shape" "MB/s" "$side" "$pair" "$(sed 's/.*(\([0-9.]*\) MB.*/\1/' <<<"$line")"
  note "$shape" "avg latency ms" "$side" "$pair" "$(sed 's/.* \([0-9.]*\) ms avg.*/\1/' <<<"$line")"
  note "$shape" "p99 latency ms" "$side" "$pair" "$(sed 's/.* \([0-9.]*\) ms 99th.*/\1/' <<<"$line")"
  note "$shape" "CPU s/GB" "$side" "$pair" "$(awk -v c=$((after - before)) -v b=$((records * size)) 'BEGIN {printf "%.3f", c / 1000 / (b / 1e9)}')"
}

SECONDS=0
declare -A kind=([A]=$a [B]=kafka)

# Cold starts, alternating, each on an empty directory; idle memory 5 s later.
for ((pair = 1; pair <= (quick ? 1 : 3); pair++)); do
  for side in A B; do
    say "start $pair: $side (${kind[$side]})"
    start "$side" "${kind[$side]}"
    note start "start to ready ms" "$side" "$pair" "${start_ms[$side]}"
    sleep 5
    note start "idle RSS MiB" "$side" "$pair" $(($(status_kb "$side" VmRSS) / 1024))
    stop "$side"
  done
done

start A "${kind[A]}"
start B kafka
for size in 100 1024; do
  for batch in 16384 131072; do
    shape="$size B, batch $batch"
    topic=bench-$size-$batch
    records=$((mb * 1000000 / size))
    for side in A B; do
      tool org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:${port[$side]}" --create --topic "$topic" --partitions 1 >/dev/null
      say "warm-up: $side, $shape"
      run "$side" "$shape" 0 "$size" "$batch" "$records"
    done
    for ((pair = 1; pair <= pairs; pair++)); do
      if ((SECONDS > limit)); then say "time limit of $limit s reached in: $shape"; break 3; fi
      order='A B'; ((pair % 2)) || order='B A'
      for side in $order; do
        say "pair $pair: $side, $shape"
        run "$side" "$shape" "$pair" "$size" "$batch" "$records"
      done
    done
    for side in A B; do
      tool org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:${port[$side]}" --delete --topic "$topic" >/dev/null || true
    done
  done
done
for side in A B; do note all "peak RSS MiB" "$side" 1 $(($(status_kb "$side" VmHWM) / 1024)); done
stop A
stop B

printf '\n%s and Kafka 4.3.1, %s, %s cores, %s, heap %s, %s pairs of %s MB, acks=1, linger.ms=5, one partition\n\n' \
  "${a^}" "$(date +%Y-%m-%d)" "$(nproc)" "$("$java" -version 2>&1 | head -1)" "$heap" "$pairs" "$mb"
awk -F'\t' -v a="${a^}" '
  function sorted(list, n, i, j, t) {
    for (i = 2; i <= n; i++) { t = list[i]; for (j = i - 1; j > 0 && list[j] > t; j--) list[j + 1] = list[j]; list[j + 1] = t }
  }
  function median(list, n) { return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2 }
  { k = $1 FS $2; if (!(k in known)) { known[k] = ++rows; row[rows] = k }
    v[k, $3, $4] = $5 + 0; if ($4 > max[k]) max[k] = $4 }
  END {
    printf "%-22s %-18s %10s %10s   %-6s %s\n", "shape", "figure", a, "Kafka", "ratio", "(least - greatest)"
    for (r = 1; r <= rows; r++) {
      k = row[r]; n = 0; split(k, name, FS)
      for (p = 1; p <= max[k]; p++) if ((k, "A", p) in v && (k, "B", p) in v) {
        n++; x[n] = v[k, "A", p]; y[n] = v[k, "B", p]; q[n] = y[n] ? x[n] / y[n] : 0
      }
      if (!n) continue
      sorted(x, n); sorted(y, n); sorted(q, n)
      printf "%-22s %-18s %10.2f %10.2f   %-6.2f (%.2f - %.2f)\n", name[1], name[2], median(x, n), median(y, n), median(q, n), q[1], q[n]
    }
  }' "$raw" | tee "$work/table.txt"
say "raw figures: $raw"
