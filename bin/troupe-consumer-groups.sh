#!/usr/bin/env bash
# Lists and describes consumer groups, resets their offsets (Kafka's kafka-consumer-groups.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool consumer-groups "$0" "$@"
