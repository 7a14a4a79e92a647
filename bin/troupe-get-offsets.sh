#!/usr/bin/env bash
# Prints the offsets of partitions (Kafka's kafka-get-offsets.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool get-offsets "$0" "$@"
