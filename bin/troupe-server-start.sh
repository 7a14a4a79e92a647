#!/usr/bin/env bash
# Starts a broker; see usage below. Builds first when there is no build yet.
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
# shellcheck source=bin/troupe-run-class.sh
. "$(dirname -- "$self")/troupe-run-class.sh"

# The exit code by which a broker asks to be started again: it must rejoin its cluster as a new incarnation.
RESTART_CODE=85
# With this one a JVM ends that ran out of heap (-XX:+ExitOnOutOfMemoryError): it has no memory left to say it otherwise.
OUT_OF_MEMORY_CODE=3
# The line a broker, or a controller without data, prints once it serves begins so.
READY="^Troupe [a-z]* [0-9]* is ready"

DEFAULT_HEAP_OPTS="-Xms64M -Xmx1G"
# Actors are old and what they are sent is young: what the collector would trace of that beside the work, a tenth of a coordinator's CPU time, half goes
# into its pauses, where most of it is gone by then. A pause costs what thousands of actors have touched since the last one, however long that is ago, so they
# should be few: where they take more than a fiftieth of the time the heap grows, as far as it may, and what is young has two fifths of it.
DEFAULT_GC_OPTS="-XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:G1RSetUpdatingPauseTimePercent=50"
DEFAULT_GC_OPTS="$DEFAULT_GC_OPTS -XX:GCTimeRatio=49 -XX:+UnlockExperimentalVMOptions -XX:G1NewSizePercent=40"
# A start is mostly class loading. With HotSpot's own thresholds its optimizing compiler takes half of the start's CPU
# time for methods that are busy only then; four times as many calls, and a working broker still gets there in a second.
JIT_OPTS="-XX:Tier4InvocationThreshold=20000 -XX:Tier4MinInvocationThreshold=2400"
JIT_OPTS="$JIT_OPTS -XX:Tier4CompileThreshold=60000 -XX:Tier4BackEdgeThreshold=160000"
# Actors call through many small layers. Inlining half as much of them costs that compiler a third less, and a warm broker nothing.
JIT_OPTS="$JIT_OPTS -XX:MaxInlineLevel=9 -XX:FreqInlineSize=150 -XX:InlineSmallCode=1200"
# The JVM wakes twenty times a second to write down counters for jstat, which once will do for.
IDLE_OPTS="-XX:PerfDataSamplingInterval=1000"
START_TIMEOUT_S=${TROUPE_START_TIMEOUT_S:-60}

usage() {
  cat <<END
usage: ${0##*/} [-daemon] server.properties [--override property=value]...

Starts a broker with that configuration ($TROUPE_HOME/conf/server.properties is the one shipped).
In the foreground until it ends; Ctrl-C or SIGTERM stops it.

  -daemon                    in the background: returns once the broker serves
  --override property=value  wins over the file; may be given many times
  -h, --help                 this text

Environment:
  JAVA_HOME               the JDK, 17 or newer (default: the java on the PATH)
  TROUPE_HEAP_OPTS        the heap (default: $DEFAULT_HEAP_OPTS)
  TROUPE_GC_OPTS          the collector (default: $DEFAULT_GC_OPTS)
  TROUPE_OPTS             more JVM options (default: none)
  LOG_DIR                 where -daemon writes troupe-server-<node id>.out and .pid (default: $TROUPE_HOME/logs)
  TROUPE_START_TIMEOUT_S  seconds that -daemon waits for the broker to serve (default: 60)
END
}

misused() {
  usage >&2
  exit 1
}

daemon="" properties=""
overrides=()
while [ $# -gt 0 ]; do
  case $1 in
    -daemon | --daemon) daemon=1 ;;
    -name) [ $# -ge 2 ] || misused; shift ;; # Kafka's script takes a process name; ours needs none
    -loggc) ;;
    --override)
      [ $# -ge 2 ] || die "--override needs property=value"
      case $2 in [!=]*=*) ;; *) die "--override $2: expected property=value" ;; esac
      overrides+=(--override "$2")
      shift
      ;;
    --override=?*=*) overrides+=(--override "${1#--override=}") ;;
    -h | --help) usage; exit 0 ;;
    -*) say "unknown option $1"; misused ;;
    *) [ -z "$properties" ] || die "two configuration files: $properties and $1"; properties=$1 ;;
  esac
  shift
done
[ -n "$properties" ] || misused
[ -f "$properties" ] || die "there is no configuration file $properties (looked from $PWD); Troupe ships $TROUPE_HOME/conf/server.properties"
[ -r "$properties" ] || die "the configuration file $properties cannot be read"

# The node id as the broker will see it: broker.id and node.id are one setting, the last one given wins. Only a mark on
# the command line for the stop script; what it means is the broker's to decide.
node_id() {
  local line key value id=none i
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line//[$' \t\r']/}
    case $line in
      broker.id[=:]* | node.id[=:]*) id=${line#*.id?} ;;
    esac
  done <"$properties"
  for ((i = 1; i < ${#overrides[@]}; i += 2)); do
    key=${overrides[i]%%=*}
    value=${overrides[i]#*=}
    case $key in broker.id | node.id) id=${value//[$' \t\r']/} ;; esac
  done
  case $id in
    *[!0-9]* | '') ;;
    *) while [ "${#id}" -gt 1 ] && [ "${id#0}" != "$id" ]; do id=${id#0}; done ;;
  esac
  printf '%s' "$id"
}
NODE_ID=$(node_id)

find_java
ensure_built
tell_of_newer_sources
ensure_archive

if [ -n "$daemon" ]; then
  logs=${LOG_DIR:-$TROUPE_HOME/logs}
  mkdir -p "$logs" 2>/dev/null || die "cannot make the log directory $logs; set LOG_DIR to one that can be written"
  out=$logs/troupe-server-$NODE_ID.out
  # Before anything is written there: it may be the output of this node, which runs already.
  pid_file=${out%.out}.pid
  runs=$(cat "$pid_file" 2>/dev/null)
  case $runs in
    '' | *[!0-9]*) ;;
    *)
      processes | grep -q "^ *$runs .*troupe-server-start\.sh " \
        && die "node $NODE_ID runs already (process $runs, output $out); bin/troupe-server-stop.sh --node-id $NODE_ID stops it. Another node needs another node.id, or another LOG_DIR"
      ;;
  esac
  : >>"$out" || die "cannot write $out; set LOG_DIR to a directory that can be written"
  before=$(wc -c <"$out")
  detach=
  command -v setsid >/dev/null 2>&1 && detach=setsid
  nohup $detach bash "$TROUPE_HOME/bin/troupe-server-start.sh" "$properties" ${overrides[@]+"${overrides[@]}"} \
    >>"$out" 2>&1 </dev/null &
  starter=$!
  echo $starter >"$pid_file"
  new_output() { tail -c "+$((before + 1))" "$out"; }
  # What the broker says last of what it waits for.
  waits_for() { new_output | sed -n -e 's/^.* - \(Waiting for .*\)$/\1/p' -e 's/^.* - \(Still waiting .*\)$/\1/p' | tail -n 1; }
  deadline=$((SECONDS + START_TIMEOUT_S)) told="" looked=$SECONDS
  while [ $SECONDS -lt $deadline ]; do
    if ready=$(new_output | grep -m 1 "$READY"); then
      echo "$ready"
      exit 0
    fi
    if ! kill -0 $starter 2>/dev/null; then
      wait $starter
      code=$?
      rm -f "$pid_file"
      echo "troupe: the broker ended with exit code $code before it served; the last lines of $out:" >&2
      new_output | tail -n 20 >&2
      [ $code -ne 0 ] || code=1
      exit "$code"
    fi
    if [ $SECONDS -ne $looked ]; then
      looked=$SECONDS
      waiting=$(waits_for)
      [ "$waiting" = "$told" ] || say "$waiting"
      told=$waiting
    fi
    sleep 0.1
  done
  echo "troupe: the broker is still starting after $START_TIMEOUT_S s; its log is $out" >&2
  exit 0
fi

archive=$(archive_file)
options="${TROUPE_HEAP_OPTS:-$DEFAULT_HEAP_OPTS} ${TROUPE_GC_OPTS:-$DEFAULT_GC_OPTS}"
options="$options $JIT_OPTS $IDLE_OPTS -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true $JVM_FLAGS"
sharing=(-Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off)
[ -f "$archive" ] && sharing+=("-XX:SharedArchiveFile=$archive")
logging=()
[ -f "$TROUPE_HOME/conf/logback.xml" ] && logging=("-Dlogback.configurationFile=$TROUPE_HOME/conf/logback.xml")
# glibc gives each thread an arena of its own otherwise, which costs tens of megabytes and gains nothing here.
export MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-2}

# The broker runs as a child, so that it can be started again; a signal sent to this script is passed on to it.
child="" stopping=""
pass_on() {
  stopping=1
  [ -n "$child" ] && kill -TERM "$child" 2>/dev/null
}
trap pass_on TERM INT HUP

await_child() {
  # wait returns early when a trap ran; the child's own code is what counts
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
}

pause_s=1
while :; do
  began=$SECONDS
  # shellcheck disable=SC2086
  "$JAVA" "-Dtroupe.home=$TROUPE_HOME" "-Dtroupe.node.id=$NODE_ID" $options "${sharing[@]}" \
    ${logging[@]+"${logging[@]}"} ${TROUPE_OPTS:-} -cp "$TARGET/troupe.jar" \
    io.troupe.server.Main "$properties" ${overrides[@]+"${overrides[@]}"} &
  child=$!
  [ -n "$stopping" ] && kill -TERM $child 2>/dev/null
  await_child
  [ -z "$stopping" ] || exit "$code"
  case $code in
    "$RESTART_CODE") reason="asked to be started again" ;;
    "$OUT_OF_MEMORY_CODE") reason="ran out of memory (TROUPE_HEAP_OPTS sets its heap) and is started again" ;;
    *) exit "$code" ;;
  esac
  # A broker that ran a while earned a quick restart; one that asks again at once waits longer, 30 s at most.
  [ $((SECONDS - began)) -ge 60 ] && pause_s=1
  say "the broker $reason; doing so in $pause_s s"
  # The pause carries the broker's mark, so that the stop script finds and ends it.
  # shellcheck disable=SC2016
  bash -c 'sleep "$1" & trap "kill $!; exit 143" TERM; wait $!' pause $pause_s "-Dtroupe.home=$TROUPE_HOME" "-Dtroupe.node.id=$NODE_ID" -pause &
  child=$!
  await_child
  { [ "$code" -eq 0 ] && [ -z "$stopping" ]; } || exit 143
  pause_s=$((pause_s * 2 > 30 ? 30 : pause_s * 2))
done
