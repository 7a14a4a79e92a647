# Sourced by compare-with-kafka.sh: starts and stops the two brokers and reads what the kernel knows of them. A side is A or B.
# Needs: root, work, kafka_lib, java, heap, and pin_broker (a command prefix, or nothing).
declare -A pid port start_ms

now_ms() { local t=$EPOCHREALTIME; echo $((${t%.*} * 1000 + 10#${t#*.} / 1000)); }

# A port nobody listens on, below the ephemeral range.
next_port=$((20000 + $$ % 5000))
free_port() { # -> REPLY
  while :; do
    next_port=$((next_port + 1))
    (exec 3<>"/dev/tcp/127.0.0.1/$next_port") 2>/dev/null || { REPLY=$next_port; return; }
  done
}

kafka_properties() { # side -> its file, and a formatted log dir
  local side=$1 file=$work/$1.properties
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
}

troupe_properties() { # side
  local side=$1 http
  free_port; http=$REPLY
  free_port
  cat >"$work/$side.properties" <<P
broker.id=1
listeners=PLAINTEXT://127.0.0.1:${port[$side]}
log.dirs=$work/data-$side
troupe.http.listener=127.0.0.1:$http
troupe.actor.listener=127.0.0.1:$REPLY
P
}

# start <side> <kind>: a fresh broker on an empty directory, Troupe by its own start script, Kafka (whose scripts Maven does not have) with the options of its.
start() {
  local side=$1 kind=$2 ready begun log=$work/broker-$1.log command
  free_port; port[$side]=$REPLY
  rm -rf "$work/data-$side"
  "${kind}_properties" "$side"
  if [[ $kind == kafka ]]; then
    ready='Kafka Server started'
    command=("$java" "$heap" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent
      -Djava.awt.headless=true -Dlog4j2.configurationFile="$work/log4j2.properties" -cp "$kafka_lib/*" kafka.Kafka)
  else
    ready='^Troupe broker [0-9]* is ready'
    command=("$root/bin/troupe-server-start.sh")
  fi
  begun=$(now_ms)
  : >"$log"
  MALLOC_ARENA_MAX=2 TROUPE_HEAP_OPTS=$heap $pin_broker "${command[@]}" "$work/$side.properties" >"$log" 2>&1 &
  pid[$side]=$!
  until grep -q "$ready" "$log"; do
    kill -0 "${pid[$side]}" 2>/dev/null || { tail -20 "$log" >&2; die "$kind ended before it served"; }
    (($(now_ms) - begun < 60000)) || { tail -20 "$log" >&2; die "$kind did not serve within 60 s"; }
    sleep 0.02
  done
  start_ms[$side]=$(($(now_ms) - begun))
  # The start script runs the broker as its child.
  [[ $kind == kafka ]] || { read -r -a command <"/proc/${pid[$side]}/task/${pid[$side]}/children" || true; pid[$side]=${command[0]}; }
}

stop() { # side
  local i
  kill "${pid[$1]}" 2>/dev/null || true
  for ((i = 0; i < 200; i++)); do kill -0 "${pid[$1]}" 2>/dev/null || break; sleep 0.1; done
  kill -9 "${pid[$1]}" 2>/dev/null || true
  wait "${pid[$1]}" 2>/dev/null || true
  pid[$1]=
}

ticks=$(getconf CLK_TCK)
# User + system time of the whole process.
cpu_ms() { awk -v t="$ticks" '{sub(/^.*\) /, ""); split($0, f, " "); print int((f[12] + f[13]) * 1000 / t)}' "/proc/${pid[$1]}/stat"; }
# What the hypervisor gave to others, of all cores, since the machine's start.
stolen_ms() { awk -v t="$ticks" '$1 == "cpu" {print int($9 * 1000 / t)}' /proc/stat; }
status_kb() { awk -v k="$2:" '$1 == k {print $2}' "/proc/${pid[$1]}/status"; }
