#!/usr/bin/env bash
# Compares the client actors with bare Kafka clients: both in one JVM, in turns, against one broker of Troupe that this starts and stops.
#
# Usage: bench/client-actors.sh [seconds]     start no turn after that long, for both record sizes together (default 120)
#
# Printed: for 100 B and 1 KiB records, records and MB per second (median of the turns) and the ratio to the bare client, of single sends, of sends of 100 records
# to a message, and of a consumer in a group.
set -euo pipefail
export LC_ALL=C

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
seconds=${1:-120}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "client-actors: '$seconds': expected seconds above 0" >&2; exit 2; }
jdk=${JAVA_HOME:+$JAVA_HOME/bin/}
"$root/bin/troupe-run-class.sh" --build
work=$root/target/bench/actors-$$
mkdir -p "$work"
broker=''
end() {
  [[ -z $broker ]] || { kill -TERM "$broker" 2>/dev/null && wait "$broker" 2>/dev/null || true; }
  rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

port=${TROUPE_BENCH_PORT:-29292}
"$root/bin/troupe-server-start.sh" "$root/conf/server.properties" --override "listeners=PLAINTEXT://localhost:$port" \
  --override "log.dirs=$work/data" >"$work/broker.log" 2>&1 &
broker=$!
for ((i = 0; i < 600; i++)); do
  grep -q "localhost:$port" "$work/broker.log" && break
  kill -0 $broker 2>/dev/null || { cat "$work/broker.log" >&2; exit 1; }
  sleep 0.1
done
"${jdk}javac" -d "$work/classes" -cp "$root/target/troupe.jar:$root/target/lib/*" "$root/bench/actors/ActorThroughput.java"
timeout -k 5 $((seconds + 120)) "${jdk}java" -Xmx1g --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED \
  -Dlogback.configurationFile=logback-tools.xml -cp "$work/classes:$root/target/troupe.jar" ActorThroughput "localhost:$port" "$seconds"
