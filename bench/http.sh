#!/usr/bin/env bash
# Compares HTTP with the wire protocol: both in turns, against one broker of Troupe that this starts and stops, with one client process for both.
#
# Usage: bench/http.sh [seconds]     start no turn after that long (default 120)
#
# Printed: throughput and broker CPU per GB of writing 1 KiB JSON records (HTTP: requests of 100; wire: a producer whose batches hold as many), of reading them (HTTP:
# answers of 1 MiB, not parsed), 99th percentiles of single writes, one after another, and the heap that 1,000 idle streams of events hold.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
root=$(dirname "$here")
say() { printf '%s\n' "$*" >&2; }
seconds=${1:-120}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[[ -r /proc/self/stat ]] || { say "http: needs Linux's /proc"; exit 1; }
jdk=${JAVA_HOME:+$JAVA_HOME/bin/}
"$root/bin/troupe-run-class.sh" --build

# What brokers.sh asks for.
java=${jdk}java heap=-Xmx1g nodes=1 start_limit=180 kafka_set='' pin_broker='' kafka_lib=''
troupe_set='troupe.http.max.requests=1200
troupe.http.max.connections=1200'
work=$root/target/bench/http-$$
mkdir -p "$work"
. "$here/brokers.sh"
end() {
  stop A
  rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

start A troupe
http=$(sed -n 's/^troupe.http.listener=//p' "$work/A1.properties")
"${jdk}javac" -d "$work/classes" -cp "$root/target/troupe.jar:$root/target/lib/*" "$here"/http/*.java
timeout -k 5 $((seconds + 120)) "$java" -Xmx1g -Dlogback.configurationFile=logback-tools.xml -cp "$work/classes:$root/target/troupe.jar" \
  HttpBeside "$(bootstrap A)" "$http" "${pid[A1]}" "$seconds" "${jdk}jcmd"
