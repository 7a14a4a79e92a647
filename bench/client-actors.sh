#!/usr/bin/env bash
# Compares the client actors with bare Kafka clients: both in one JVM, in turns, against one broker of Troupe that this starts and stops.
#
# Usage: bench/client-actors.sh [seconds]     start no turn after that long, for both record sizes together (default 120)
#
# Printed: for 100 B and 1 KiB records, records and MB per second (median of the turns) and the ratio to the bare client, of single sends, of sends of 100 records
# to a message, and of a consumer in a group.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
root=$(dirname "$here")
say() { printf '%s\n' "$*" >&2; }
seconds=${1:-120}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[[ -r /proc/self/stat ]] || { say "client-actors: needs Linux's /proc"; exit 1; }
jdk=${JAVA_HOME:+$JAVA_HOME/bin/}
"$root/bin/troupe-run-class.sh" --build

# What brokers.sh asks for.
java=${jdk}java heap=-Xmx1g nodes=1 start_limit=180 kafka_set='' troupe_set='' pin_broker='' kafka_lib=''
work=$root/target/bench/actors-$$
mkdir -p "$work"
. "$here/brokers.sh"
end() {
  stop A
  rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

start A troupe
"${jdk}javac" -d "$work/classes" -cp "$root/target/troupe.jar:$root/target/lib/*" "$here/actors/ActorThroughput.java"
timeout -k 5 $((seconds + 120)) "$java" -Xmx1g --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED \
  -Dlogback.configurationFile=logback-tools.xml -cp "$work/classes:$root/target/troupe.jar" ActorThroughput "$(bootstrap A)" "$seconds"
