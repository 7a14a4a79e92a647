#!/usr/bin/env bash
# Measures producing (Kafka's kafka-producer-perf-test.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool producer-perf-test "$0" "$@"
