# Sourced by compare-with-kafka.sh: the loads on brokers that run already. Each is called with a side and a pair and notes its figures under them. Pair 0 is
# preparation and warm-up and noted nowhere. A load that goes wrong says so and returns 1.
# Needs: brokers.sh, client, tool, note, work, mb, run_limit and pin_client.

new_topic() { client NewTopic "$(bootstrap "$1")" "$2" "$3" "$nodes" "${@:4}" >"$work/topic.out"; } # side topic partitions [setting]...

note_cpu() { # side pair shape cpu_ms bytes
  note "$3" "CPU s/GB" "$1" "$2" "$(awk -v c="$4" -v b="$5" 'BEGIN {printf "%.3f", c / 1000 / (b / 1e9)}')"
}

# produce <side> <pair> <shape> <topic> <producers> <record size> <records of each> <producer setting>...
produce() {
  local side=$1 pair=$2 shape=$3 topic=$4 producers=$5 size=$6 records=$7 before after i ok=1
  local children=()
  rm -f "$work"/producer-*
  before=$(cpu_ms "$side")
  for ((i = 0; i < producers; i++)); do
    tool org.apache.kafka.tools.ProducerPerformance --topic "$topic" --num-records "$records" --record-size "$size" --throughput -1 \
      --print-metrics --bootstrap-server "$(bootstrap "$side")" --command-property "${@:8}" >"$work/producer-$i.out" 2>"$work/producer-$i.err" &
    children+=($!)
  done
  for i in "${!children[@]}"; do
    wait "${children[i]}" || { tail -5 "$work/producer-$i.err" >&2; say "a producer failed against side $side"; ok=; }
  done
  [[ -n $ok ]] || return 1
  after=$(cpu_ms "$side")
  # All bytes by the time of the slowest; latencies are the mean of the producers' own.
  awk -v size="$size" -v records="$records" -v want="$producers" '
    /records sent/ && $1 == records {
      n++; rate = $4 + 0; seconds = records / rate; if (seconds > longest) longest = seconds
      for (f = 1; f <= NF; f++) { if ($(f + 1) == "ms") { if ($(f + 2) == "avg") avg += $f; if ($(f + 2) ~ /^50th/) p50 += $f; if ($(f + 2) ~ /^99th/) p99 += $f } }
    }
    /^producer-metrics:request-total/ { requests += $NF }
    END { if (n != want) exit 1
          printf "%.3f %.3f %.3f %.3f %d\n", n * records * size / 1e6 / longest, avg / n, p50 / n, p99 / n, requests }' \
    "$work"/producer-*.out >"$work/figures" || { tail -5 "$work"/producer-* >&2; say "unexpected output of the producers"; return 1; }
  local rate avg p50 p99
  read -r rate avg p50 p99 produce_requests <"$work/figures"
  ((pair)) || return 0
  note "$shape" "MB/s" "$side" "$pair" "$rate"
  note "$shape" "avg latency ms" "$side" "$pair" "$avg"
  note "$shape" "p50 latency ms" "$side" "$pair" "$p50"
  note "$shape" "p99 latency ms" "$side" "$pair" "$p99"
  note_cpu "$side" "$pair" "$shape" $((after - before)) $((producers * records * size))
}

# Small requests first: they are what keeps a JVM's compilers busy longest.
warm_up() { # side
  local batch
  new_topic "$1" bench-warm-up 1 || return 1
  for batch in 16384 131072; do
    produce "$1" 0 "" bench-warm-up 1 1024 $((warm_mb * 1000000 / 2 / 1024)) acks=1 linger.ms=5 batch.size=$batch buffer.memory=67108864 || return 1
  done
}

# ---- one partition, one producer ----
shape_produce() { # side pair record-size batch linger acks
  local side=$1 pair=$2 size=$3 batch=$4 linger=$5 acks=$6 topic=bench-$3-$4-$5-$6
  # Without linger the client is the slow one: fewer bytes take as long.
  local bytes=$((mb * 1000000)); ((linger)) || bytes=$((bytes / 4))
  ((pair)) || new_topic "$side" "$topic" 1 || return 1
  produce "$side" "$pair" "$size B, batch $batch, linger $linger, acks $acks" "$topic" 1 "$size" $((bytes / size)) \
    acks="$acks" linger.ms="$linger" batch.size="$batch" buffer.memory=67108864
}

# ---- 100 partitions, four producers ----
shape_partitions() { # side pair
  (($2)) || new_topic "$1" bench-partitions 100 || return 1
  produce "$1" "$2" "100 partitions, 4 producers, 1 KiB" bench-partitions 4 1024 $((mb * 1000000 / 1024 / 4)) acks=1 linger.ms=5
}

# ---- an fsync before each acknowledgement, eight producers that share them ----
shape_flush() { # side pair
  local shape="flush.messages=1, 8 producers, 1 KiB" records=$((mb * 1000000 / 2 / 1024 / 8))
  (($2)) || new_topic "$1" bench-flush 1 flush.messages=1 || return 1
  produce "$1" "$2" "$shape" bench-flush 8 1024 $records acks=1 linger.ms=0 || return 1
  # How many fsyncs that took, by the JVM's own recording; in a run of its own, for recording costs.
  (($2 == 1)) || return 0
  local n forces=0 file=$work/forces.jfr
  for ((n = 1; n <= nodes; n++)); do
    "${jdk}jcmd" "${pid[$1$n]}" JFR.start name=forces settings="$work/forces.jfc" >"$work/jfr.log" 2>&1 || return 1
  done
  produce "$1" 0 "" bench-flush 8 1024 $records acks=1 linger.ms=0 || return 1
  for ((n = 1; n <= nodes; n++)); do
    "${jdk}jcmd" "${pid[$1$n]}" JFR.stop name=forces filename="$file" >>"$work/jfr.log" 2>&1 || return 1
    forces=$((forces + $("${jdk}jfr" summary "$file" | awk '$1 == "jdk.FileForce" {n = $2} END {print n + 0}')))
    rm -f "$file"
  done
  ((forces)) || { say "no fsync of side $1 was recorded, see $work/jfr.log"; return 0; }
  note "$shape" "fsyncs/request" "$1" 1 "$(awk -v f="$forces" -v r="$produce_requests" 'BEGIN {printf "%.3f", r ? f / r : 0}')"
}

# ---- catching up on what the page cache holds ----
shape_consume() { # side pair
  local side=$1 pair=$2 records=$((consume_mb * 1000000 / 1024)) before after line fields
  if ((pair == 0)); then
    new_topic "$side" bench-consume 1 || return 1
    produce "$side" 0 "" bench-consume 1 1024 "$records" acks=1 linger.ms=5 batch.size=131072 buffer.memory=67108864 || return 1
  fi
  before=$(cpu_ms "$side")
  line=$(tool org.apache.kafka.tools.ConsumerPerformance --topic bench-consume --timeout 60000 --num-records "$records" --hide-header \
    --bootstrap-server "$(bootstrap "$side")" 2>"$work/tool.err" | tail -1)
  after=$(cpu_ms "$side")
  IFS=', ' read -r -a fields <<<"$line"
  # Dates have a space: start date and time, end date and time, MB, MB/s, records, records/s, rebalance ms, fetch ms, MB/s while fetching.
  ((${#fields[@]} >= 11)) && [[ ${fields[6]} -ge $records ]] || { tail -5 "$work/tool.err" >&2; say "unexpected: $line"; return 1; }
  ((pair)) || return 0
  note "consume $consume_mb MB, 1 KiB" "MB/s" "$side" "$pair" "${fields[10]}"
  note_cpu "$side" "$pair" "consume $consume_mb MB, 1 KiB" $((after - before)) $((records * 1024))
}

# ---- one record at a time: from send to arrival, and from send to acknowledgement ----
shape_latency() { # side pair
  local side=$1 pair=$2 brokers settings=(1) acks count avg p50 p99 most shape="end to end, 100 B, one at a time" p50_of_one=''
  brokers=$(bootstrap "$side")
  ((pair)) || new_topic "$side" bench-latency 1 || return 1
  read -r count avg p50 p99 most < <(client EndToEndLatency "$brokers" bench-latency "$latency_records" "$latency_seconds" 1 100) && [[ -n $most ]] || return 1
  ((pair == 0)) || {
    note "$shape" "avg us" "$side" "$pair" "$avg"
    note "$shape" "p50 us" "$side" "$pair" "$p50"
    note "$shape" "p99 us" "$side" "$pair" "$p99"
  }
  # Several nodes: what acks=all adds to acks=1.
  ((nodes == 1)) || settings=(1 all)
  client ProduceLatency "$brokers" bench-latency "$latency_records" "$latency_seconds" 1024 "${settings[@]}" >"$work/latencies" || return 1
  ((pair)) || return 0
  while read -r acks count avg p50 p99 most; do
    shape="produce, 1 KiB, one at a time"
    note "$shape" "acks $acks avg us" "$side" "$pair" "$avg"
    note "$shape" "acks $acks p50 us" "$side" "$pair" "$p50"
    note "$shape" "acks $acks p99 us" "$side" "$pair" "$p99"
    if [[ $acks == 1 ]]; then p50_of_one=$p50; else note "$shape" "all minus 1 p50 us" "$side" "$pair" "$(awk -v a="$p50" -v b="$p50_of_one" 'BEGIN {printf "%.1f", a - b}')"; fi
  done <"$work/latencies"
}

# ---- what groups cost a coordinator: many small ones that commit, and one large one that many join at once ----
shape_groups() { # side pair
  local side=$1 pair=$2 seconds=20 count avg p50 p99 most cpu settled heartbeats shape
  if ((pair == 0)); then
    new_topic "$side" bench-groups 1 && new_topic "$side" bench-members "$group_members" || return 1
    seconds=5
  fi
  read -r count avg p50 p99 most cpu < <(client GroupCommits "$(bootstrap "$side")" bench-groups "$groups" "$seconds" "${pid[${side}1]}") && [[ -n $cpu ]] || return 1
  read -r settled heartbeats most < <(client GroupMembers "$(bootstrap "$side")" bench-members "$group_members" "$group_members" "${pid[${side}1]}") && [[ -n $most ]] || return 1
  ((pair)) || return 0
  shape="$groups groups, a commit a second each"
  note "$shape" "avg us" "$side" "$pair" "$avg"
  note "$shape" "p50 us" "$side" "$pair" "$p50"
  note "$shape" "p99 us" "$side" "$pair" "$p99"
  note "$shape" "CPU us/commit" "$side" "$pair" "$cpu"
  shape="$group_members members join a KIP-848 group"
  note "$shape" "settled ms" "$side" "$pair" "$settled"
  note "$shape" "heartbeats" "$side" "$pair" "$heartbeats"
  note "$shape" "CPU ms" "$side" "$pair" "$most"
}

# ---- how long a group is on the move ----
shape_rebalances() { # side pair
  local side=$1 pair=$2 protocol worst rest avg p50 p99
  ((pair)) || new_topic "$side" bench-rebalances 10 || return 1
  for protocol in classic cooperative consumer; do
    read -r worst rest < <(client Rebalances "$(bootstrap "$side")" bench-rebalances 10 "$protocol" 1) && [[ -n $rest ]] || return 1
    ((pair)) || continue
    note "10 partitions, members 1, 4, 2, 5" "$protocol: worst ms" "$side" "$pair" "$worst"
  done
  read -r avg p50 p99 < <(client ClassicRebalances "$(bootstrap "$side")" 10 200) && [[ -n $p99 ]] || return 1
  ((pair)) || return 0
  note "rebalance of 10 classic members" "p50 us" "$side" "$pair" "$p50"
  note "rebalance of 10 classic members" "p99 us" "$side" "$pair" "$p99"
}
