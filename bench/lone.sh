# Sourced by compare-with-kafka.sh: the measurements that start their own brokers, so that one side runs alone. Called with a side and a round; each starts that
# side, notes its figures and stops it; one that goes wrong says so and returns 1.
# Needs: brokers.sh, client, note, say, work, kind, nodes.

# ---- cold starts on an empty directory, and what an idle broker holds ----
lone_start() { # side round
  start "$1" "${kind[$1]}" || return 1
  note start "start to ready ms" "$1" "$2" "${start_ms[$1]}"
  sleep 5
  note start "idle RSS MiB" "$1" "$2" "$(memory_mb "$1" VmRSS)"
}

# ---- what brokers use while nobody asks anything, and how long it takes to make many partitions ----
lone_idle() { # side round
  local side=$1 created in_sync written
  start "$side" "${kind[$side]}" || return 1
  note_idle "$side" "$2" "idle, no partitions"
  client NewTopic --write "$(bootstrap "$side")" many "$many" "$nodes" >"$work/topic.out" || return 1
  read -r created in_sync written <"$work/topic.out"
  note "$many partitions, RF $nodes" "answered ms" "$side" "$2" "$created"
  note "$many partitions, RF $nodes" "all in sync ms" "$side" "$2" "$in_sync"
  note "$many partitions, RF $nodes" "all written to ms" "$side" "$2" "$written"
  note_idle "$side" "$2" "idle, $many partitions RF $nodes"
}

note_idle() { # side round shape
  local n share sum=0 most=0 begun before=()
  sleep "$settle_seconds"
  begun=$(now_ms)
  for ((n = 1; n <= nodes; n++)); do before[n]=$(node_cpu_ms "$1$n"); done
  sleep "$idle_seconds"
  for ((n = 1; n <= nodes; n++)); do
    # Thousandths of a core.
    share=$((($(node_cpu_ms "$1$n") - before[n]) * 1000 / ($(now_ms) - begun)))
    sum=$((sum + share))
    ((share <= most)) || most=$share
  done
  note "$3" "CPU % a node" "$1" "$2" "$(awk -v s="$sum" -v n="$nodes" 'BEGIN {printf "%.2f", s / n / 10}')"
  note "$3" "CPU % busiest node" "$1" "$2" "$(awk -v s="$most" 'BEGIN {printf "%.1f", s / 10}')"
  note "$3" "RSS MiB, all nodes" "$1" "$2" "$(memory_mb "$1" VmRSS)"
}

# ---- the longest time without a successful write when a leader goes ----
lone_failover() { # side round
  local side=$1 ended shape n node gap quiet failed acknowledged lost processes
  start "$side" "${kind[$side]}" || return 1
  for ended in leader both stop; do
    case $ended in
      leader) shape="kill -9 of a leader" ;;
      both) shape="kill -9 of leader and controller" ;;
      stop) shape="SIGTERM of a leader" ;;
    esac
    processes=()
    for ((n = 1; n <= nodes; n++)); do
      find_process "$side$n"
      processes+=("$n=${pid[$side$n]}")
    done
    client Failover "$(bootstrap "$side")" "failover-$ended" "$ended" "$failover_seconds" "${processes[@]}" >"$work/failover" || return 1
    read -r node gap quiet failed acknowledged lost <"$work/failover"
    say "$side (${kind[$side]}), $shape: node $node, gap $gap ms (before: $quiet ms), $failed of $((failed + acknowledged)) writes failed, $lost acknowledged ones lost"
    note "$shape" "gap ms" "$side" "$2" "$gap"
    note "$shape" "gap before, ms" "$side" "$2" "$quiet"
    note "$shape" "failed writes" "$side" "$2" "$failed"
    note "$shape" "lost writes" "$side" "$2" "$lost"
    [[ $ended == stop ]] && break
    await_end "${starter[$side$node]}" || { say "node $side$node does not end"; return 1; }
    launch "$side$node"
    await_ready "$side$node" || return 1
  done
}

# ---- how long groups wait when their coordinator is killed ----
lone_group_failover() { # side round
  local side=$1 n node own own_p50 own_max others_p50 others_max rejoined shape="$groups groups, kill -9 of a coordinator" processes=()
  start "$side" "${kind[$side]}" && new_topic "$side" group-failover 1 || return 1
  for ((n = 1; n <= nodes; n++)); do processes+=("$n=${pid[$side$n]}"); done
  client GroupFailover "$(bootstrap "$side")" group-failover "$groups" 20 "${processes[@]}" >"$work/failover" || return 1
  read -r node own own_p50 own_max others_p50 others_max rejoined <"$work/failover"
  say "$side (${kind[$side]}), $shape: node $node, its $own groups after $own_p50 ms (most: $own_max), the others after $others_p50 ($others_max), $rejoined joined again"
  note "$shape" "its groups, p50 ms" "$side" "$2" "$own_p50"
  note "$shape" "its groups, most ms" "$side" "$2" "$own_max"
  note "$shape" "others, p50 ms" "$side" "$2" "$others_p50"
  note "$shape" "others, most ms" "$side" "$2" "$others_max"
  note "$shape" "groups that joined again" "$side" "$2" "$rejoined"
}
