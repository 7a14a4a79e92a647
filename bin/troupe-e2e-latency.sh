#!/usr/bin/env bash
# Measures the time from producing a record to consuming it (Kafka's kafka-e2e-latency.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool e2e-latency "$0" "$@"
