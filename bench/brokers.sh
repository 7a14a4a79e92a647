# Sourced by compare-with-kafka.sh: starts and stops the brokers of the two sides and reads what the kernel knows of them. A side is A or B; one of its nodes
# is A1, A2, ...
# Needs: root, work, kafka_lib, java, heap, nodes, start_limit, kafka_set and troupe_set (settings, one a line), and pin_broker (a command prefix, or nothing).
declare -A pid starter port quorum_port node_kind start_ms

now_ms() { local t=$EPOCHREALTIME; echo $((${t%.*} * 1000 + 10#${t#*.} / 1000)); }

# A port nobody listens on, below the ephemeral range; none is given twice, and commands that run at a time begin far apart.
next_port=$((20000 + $$ * 61 % 10000))
free_port() { # -> REPLY
  while :; do
    next_port=$((next_port + 1))
    (exec 3<>"/dev/tcp/127.0.0.1/$next_port") 2>/dev/null || { REPLY=$next_port; return; }
  done
}

bootstrap() { # side
  local n list=
  for ((n = 1; n <= nodes; n++)); do list+=,127.0.0.1:${port[$1$n]}; done
  echo "${list#,}"
}

kafka_properties() { # side, number, voters -> the node's file
  cat <<P
node.id=$2
process.roles=broker,controller
listeners=PLAINTEXT://127.0.0.1:${port[$1$2]},CONTROLLER://127.0.0.1:${quorum_port[$1$2]}
controller.listener.names=CONTROLLER
controller.quorum.voters=$3
log.dirs=$work/data-$1$2
offsets.topic.replication.factor=$nodes
group.initial.rebalance.delay.ms=0
transaction.state.log.replication.factor=$nodes
transaction.state.log.min.isr=1
$kafka_set
P
}

troupe_properties() { # side, number, voters -> the node's file
  free_port
  cat <<P
node.id=$2
listeners=PLAINTEXT://127.0.0.1:${port[$1$2]}
log.dirs=$work/data-$1$2
troupe.http.listener=127.0.0.1:$REPLY
troupe.actor.listener=127.0.0.1:${quorum_port[$1$2]}
controller.quorum.voters=$3
offsets.topic.replication.factor=$nodes
group.initial.rebalance.delay.ms=0
$troupe_set
P
}

# start <side> <kind>: fresh brokers on empty directories, all at once, until all serve; returns 1 when one does not.
start() {
  local side=$1 kind=$2 n voters='' begun formatting=()
  for ((n = 1; n <= nodes; n++)); do
    free_port; port[$side$n]=$REPLY
    free_port; quorum_port[$side$n]=$REPLY
    voters+=,$n@127.0.0.1:$REPLY
    node_kind[$side$n]=$kind
  done
  for ((n = 1; n <= nodes; n++)); do
    rm -rf "$work/data-$side$n"
    rm -f "$work/broker-$side$n.log"
    "${kind}_properties" "$side" "$n" "${voters#,}" >"$work/$side$n.properties"
    [[ $kind == troupe ]] || {
      tool kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qk -c "$work/$side$n.properties" >"$work/format-$side$n.log" 2>&1 &
      formatting+=($!)
    }
  done
  for n in ${formatting[@]+"${formatting[@]}"}; do
    wait "$n" || { cat "$work/format-$side"*.log >&2; say "Kafka's storage tool failed"; return 1; }
  done
  begun=$(now_ms)
  for ((n = 1; n <= nodes; n++)); do launch "$side$n"; done
  for ((n = 1; n <= nodes; n++)); do await_ready "$side$n" || return 1; done
  start_ms[$side]=$(($(now_ms) - begun))
}

# launch <node>: its process, Troupe's by its own start script, Kafka's (whose scripts Maven does not have) with the options of its.
launch() {
  local command
  if [[ ${node_kind[$1]} == kafka ]]; then
    command=("$java" "$heap" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent
      -Djava.awt.headless=true -Dlog4j2.configurationFile="$work/log4j2.properties" -cp "$kafka_lib/*" kafka.Kafka)
  else
    command=("$root/bin/troupe-server-start.sh")
  fi
  [[ ! -e $work/broker-$1.log ]] || mv -f "$work/broker-$1.log" "$work/broker-$1.before.log"
  : >"$work/broker-$1.log"
  MALLOC_ARENA_MAX=2 TROUPE_HEAP_OPTS=$heap $pin_broker "${command[@]}" "$work/$1.properties" >"$work/broker-$1.log" 2>&1 &
  starter[$1]=$!
  pid[$1]=$!
  # Else bash tells on standard error that it was killed.
  disown $!
}

await_ready() { # node
  local ready='^Troupe broker [0-9]* is ready' log=$work/broker-$1.log begun
  [[ ${node_kind[$1]} == troupe ]] || ready='Kafka Server started'
  begun=$(now_ms)
  until grep -q "$ready" "$log"; do
    kill -0 "${starter[$1]}" 2>/dev/null || { tail -20 "$log" >&2; say "node $1 (${node_kind[$1]}) ended before it served"; return 1; }
    (($(now_ms) - begun < start_limit * 1000)) || { tail -20 "$log" >&2; say "node $1 (${node_kind[$1]}) did not serve within $start_limit s"; return 1; }
    sleep 0.02
  done
  find_process "$1"
}

# Troupe's start script runs the broker as its child, and a new one when the broker asks to be started again.
find_process() { # node -> its pid
  [[ ${node_kind[$1]} == troupe ]] || return 0
  local children=''
  { read -r children _ <"/proc/${starter[$1]}/task/${starter[$1]}/children"; } 2>/dev/null || true
  pid[$1]=${children:-${pid[$1]}}
}

# Asks the brokers of a side to end and waits for it; several are killed, because the last of them would wait for the others, and nobody needs their data.
stop() { # side
  local n signal=TERM
  ((nodes == 1)) || signal=KILL
  for ((n = 1; n <= nodes; n++)); do
    [[ -n ${pid[$1$n]:-} ]] || continue
    find_process "$1$n"
    kill -$signal "${pid[$1$n]}" 2>/dev/null || true
    await_end "${pid[$1$n]}" || kill -9 "${pid[$1$n]}" 2>/dev/null || true
    await_end "${starter[$1$n]}" || true
    pid[$1$n]='' starter[$1$n]=''
    rm -rf "$work/data-$1$n"
  done
}

await_end() { # pid; 1 when it still runs after 20 s
  local i
  for ((i = 0; i < 200; i++)); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.1; done
  return 1
}

# Whether all nodes of a side run.
running() { # side
  local n
  for ((n = 1; n <= nodes; n++)); do kill -0 "${pid[$1$n]:-0}" 2>/dev/null && [[ -n ${pid[$1$n]} ]] || return 1; done
}

ticks=$(getconf CLK_TCK)
# User + system time of a node's whole process; of all nodes of a side.
node_cpu_ms() { awk -v t="$ticks" '{sub(/^.*\) /, ""); split($0, f, " "); print int((f[12] + f[13]) * 1000 / t)}' "/proc/${pid[$1]}/stat"; }
cpu_ms() { # side
  local n sum=0
  for ((n = 1; n <= nodes; n++)); do sum=$((sum + $(node_cpu_ms "$1$n"))); done
  echo $sum
}
# What the hypervisor gave to others, of all cores, since the machine's start.
stolen_ms() { awk -v t="$ticks" '$1 == "cpu" {print int($9 * 1000 / t)}' /proc/stat; }
# Of all nodes of a side together.
memory_mb() { # side, key in /proc/<pid>/status
  local n files=()
  for ((n = 1; n <= nodes; n++)); do files+=("/proc/${pid[$1$n]}/status"); done
  awk -v k="$2:" '$1 == k {kb += $2} END {print int(kb / 1024)}' "${files[@]}"
}
