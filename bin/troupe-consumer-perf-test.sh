#!/usr/bin/env bash
# Measures consuming (Kafka's kafka-consumer-perf-test.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool consumer-perf-test "$0" "$@"
