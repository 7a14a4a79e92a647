#!/usr/bin/env bash
# Stops this installation's brokers, all of them or one; see usage below.
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
# shellcheck source=bin/troupe-run-class.sh
. "$(dirname -- "$self")/troupe-run-class.sh"

usage() {
  cat <<END
usage: ${0##*/} [--node-id N]

Asks this installation's brokers to end (SIGTERM) and waits until they are gone. The exit code is 0 when all are gone, 1 when
there was none or one remains.

  --node-id N  only the broker with this id (default: all of $TROUPE_HOME)
  -h, --help   this text

Environment:
  TROUPE_STOP_TIMEOUT_S  seconds to wait at most (default: 60)
END
}

node=
while [ $# -gt 0 ]; do
  case $1 in
    --node-id) [ $# -ge 2 ] || die "--node-id needs a broker's id"; node=$2; shift ;;
    --node-id=*) node=${1#--node-id=} ;;
    -h | --help) usage; exit 0 ;;
    *) say "unknown argument $1"; usage >&2; exit 1 ;;
  esac
  case $node in '' | *[!0-9]*) die "--node-id '$node': expected a number, 0 or greater" ;; esac
  while [ "${#node}" -gt 1 ] && [ "${node#0}" != "$node" ]; do node=${node#0}; done
  shift
done

# The start script puts both marks side by side on every broker's command line.
pids=()
while read -r pid command; do
  case "$command " in
    *" -Dtroupe.home=$TROUPE_HOME -Dtroupe.node.id=${node:-}"*) ;;
    *) continue ;;
  esac
  if [ -n "$node" ]; then
    case "$command " in *" -Dtroupe.home=$TROUPE_HOME -Dtroupe.node.id=$node "*) ;; *) continue ;; esac
  fi
  [ "$pid" = $$ ] || pids+=("$pid")
done < <(processes)

if [ ${#pids[@]} -eq 0 ]; then
  if [ -n "$node" ]; then echo "No troupe server with node id $node to stop" >&2; else echo "No troupe server to stop" >&2; fi
  exit 1
fi

for pid in "${pids[@]}"; do
  kill -TERM "$pid" 2>/dev/null || { kill -0 "$pid" 2>/dev/null && say "may not stop process $pid: it belongs to another user"; }
done

timeout_s=${TROUPE_STOP_TIMEOUT_S:-60}
said=$SECONDS
deadline=$((SECONDS + timeout_s))
while :; do
  remaining=()
  for pid in "${pids[@]}"; do
    # signal 0 is refused for another user's process, which ps still shows
    { kill -0 "$pid" 2>/dev/null || ps -p "$pid" >/dev/null 2>&1; } && remaining+=("$pid")
  done
  [ ${#remaining[@]} -eq 0 ] && exit 0
  [ $SECONDS -lt $deadline ] || die "still running after $timeout_s s: process ${remaining[*]}"
  if [ $((SECONDS - said)) -ge 5 ]; then
    say "waiting for process ${remaining[*]} to end"
    said=$SECONDS
  fi
  sleep 0.1
done
