# Sourced by compare-with-kafka.sh: the loads. Each shape has a name for people, and a preparation and a run, called with a side; a run notes its figures
# under the pair it is given. Pair 0 is warm-up and noted nowhere.
# Needs: brokers.sh, tool, note, die, work, mb and pin_client.

topics() { tool org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:${port[$1]}" "${@:2}"; }

# Makes the topic anew, so that no run writes where another one has filled the disk's cache.
fresh_topic() { # side topic partitions [topic setting]...
  local side=$1 topic=$2 partitions=$3 setting settings=()
  for setting in "${@:4}"; do settings+=(--config "$setting"); done
  topics "$side" --delete --if-exists --topic "$topic" >/dev/null
  topics "$side" --create --topic "$topic" --partitions "$partitions" ${settings[@]+"${settings[@]}"} >/dev/null
}

note_cpu() { # side pair shape cpu_ms bytes
  note "$3" "CPU s/GB" "$1" "$2" "$(awk -v c="$4" -v b="$5" 'BEGIN {printf "%.3f", c / 1000 / (b / 1e9)}')"
}

# produce <side> <pair> <shape> <topic> <producers> <record size> <records of each> <producer setting>...
produce() {
  local side=$1 pair=$2 shape=$3 topic=$4 producers=$5 size=$6 records=$7 before after i
  local children=()
  rm -f "$work"/producer-*
  before=$(cpu_ms "$side")
  for ((i = 0; i < producers; i++)); do
    tool org.apache.kafka.tools.ProducerPerformance --topic "$topic" --num-records "$records" --record-size "$size" --throughput -1 \
      --print-metrics --bootstrap-server "127.0.0.1:${port[$side]}" --command-property acks=1 "${@:8}" >"$work/producer-$i.out" 2>"$work/producer-$i.err" &
    children+=($!)
  done
  for i in "${!children[@]}"; do
    wait "${children[i]}" || { cat "$work/producer-$i.err" >&2; die "a producer failed against side $side"; }
  done
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
    "$work"/producer-*.out >"$work/figures" || { cat "$work"/producer-* >&2; die "unexpected output of the producers"; }
  local rate avg p50 p99
  read -r rate avg p50 p99 produce_requests <"$work/figures"
  ((pair == 0)) && return
  note "$shape" "MB/s" "$side" "$pair" "$rate"
  note "$shape" "avg latency ms" "$side" "$pair" "$avg"
  note "$shape" "p50 latency ms" "$side" "$pair" "$p50"
  note "$shape" "p99 latency ms" "$side" "$pair" "$p99"
  note_cpu "$side" "$pair" "$shape" $((after - before)) $((producers * records * size))
}

# ---- one partition, one producer: produce-<size>-<batch>-<linger> ----
shape_produce() { # side pair arguments
  local side=$1 pair=$2 size=$3 batch=$4 linger=$5
  # Without linger the client is the slow one: fewer bytes take as long.
  local bytes=$((mb * 1000000)); ((linger)) || bytes=$((bytes / 4))
  ((pair == 0)) && fresh_topic "$side" "bench-$size-$batch-$linger" 1
  produce "$side" "$pair" "$size B, batch $batch, linger $linger" "bench-$size-$batch-$linger" 1 "$size" $((bytes / size)) \
    linger.ms="$linger" batch.size="$batch" buffer.memory=67108864
}

# ---- 100 partitions, four producers ----
shape_partitions() { # side pair
  (($2 == 0)) && fresh_topic "$1" bench-partitions 100
  produce "$1" "$2" "100 partitions, 4 producers, 1 KiB" bench-partitions 4 1024 $((mb * 1000000 / 1024 / 4)) linger.ms=5
}

# ---- an fsync before each acknowledgement, eight producers that share them ----
shape_flush() { # side pair
  (($2 == 0)) && fresh_topic "$1" bench-flush 1 flush.messages=1
  local bytes=$((mb * 1000000 / 10))
  produce "$1" "$2" "flush.messages=1, 8 producers, 1 KiB" bench-flush 8 1024 $((bytes / 1024 / 8)) linger.ms=0
  # How many fsyncs that took, by the JVM's own recording; in a run of its own, for recording costs.
  (($2 == 1)) || return 0
  local before=$produce_requests forces
  jcmd "${pid[$1]}" JFR.start name=forces settings=none 'jdk.FileForce#enabled=true' 'jdk.FileForce#threshold=0ms' >"$work/jfr.log" 2>&1 || return 0
  produce "$1" 0 "" bench-flush 8 1024 $((bytes / 1024 / 8)) linger.ms=0
  jcmd "${pid[$1]}" JFR.stop name=forces filename="$work/forces-$1.jfr" >>"$work/jfr.log" 2>&1 || return 0
  forces=$(jfr summary "$work/forces-$1.jfr" | awk '$1 == "jdk.FileForce" {print $2}')
  rm -f "$work/forces-$1.jfr"
  note "flush.messages=1, 8 producers, 1 KiB" "fsyncs/request" "$1" 1 "$(awk -v f="${forces:-0}" -v r="$produce_requests" 'BEGIN {printf "%.3f", r ? f / r : 0}')"
}

# ---- catching up on what the page cache holds ----
shape_consume() { # side pair
  local side=$1 pair=$2 records=$((consume_mb * 1000000 / 1024)) before after line
  if ((pair == 0)); then
    fresh_topic "$side" bench-consume 1
    produce "$side" 0 "" bench-consume 1 1024 "$records" linger.ms=5 batch.size=131072 buffer.memory=67108864
  fi
  before=$(cpu_ms "$side")
  line=$(tool org.apache.kafka.tools.ConsumerPerformance --topic bench-consume --timeout 60000 --num-records "$records" --hide-header \
    --bootstrap-server "127.0.0.1:${port[$side]}" 2>"$work/tool.err" | tail -1)
  after=$(cpu_ms "$side")
  local fields; IFS=', ' read -r -a fields <<<"$line"
  # Dates have a space: start date and time, end date and time, MB, MB/s, records, records/s, rebalance ms, fetch ms, MB/s while fetching.
  ((${#fields[@]} >= 11)) && [[ ${fields[6]} -ge $records ]] || { cat "$work/tool.err" >&2; die "unexpected: $line"; }
  ((pair == 0)) && return
  note "consume $consume_mb MB, 1 KiB" "MB/s" "$side" "$pair" "${fields[10]}"
  note_cpu "$side" "$pair" "consume $consume_mb MB, 1 KiB" $((after - before)) $((records * 1024))
}

# ---- from send to arrival, one record at a time ----
shape_latency() { # side pair
  local side=$1 pair=$2 line figures
  ((pair == 0)) && fresh_topic "$side" bench-latency 1
  line=$(timeout 300 $pin_client "$java" -Xmx256m -Dlog4j2.configurationFile="$work/log4j2-tools.properties" -cp "$kafka_lib/*" \
    "$here/EndToEndLatency.java" "127.0.0.1:${port[$side]}" bench-latency "$latency_records" 1 100 2>"$work/tool.err" | tail -1)
  read -r -a figures <<<"$line"
  [[ ${#figures[@]} == 4 ]] || { cat "$work/tool.err" >&2; die "unexpected: $line"; }
  ((pair == 0)) && return
  note "end to end, 100 B, one at a time" "avg us" "$side" "$pair" "${figures[0]}"
  note "end to end, 100 B, one at a time" "p50 us" "$side" "$pair" "${figures[1]}"
  note "end to end, 100 B, one at a time" "p99 us" "$side" "$pair" "${figures[2]}"
}

# ---- cold starts on an empty directory, and what an idle broker holds ----
cold_start() { # side pair
  start "$1" "${kind[$1]}"
  (($2 == 0)) && { stop "$1"; return; }
  note start "start to ready ms" "$1" "$2" "${start_ms[$1]}"
  sleep 5
  note start "idle RSS MiB" "$1" "$2" $(($(status_kb "$1" VmRSS) / 1024))
  stop "$1"
}
