#!/usr/bin/env bash
# Prints the log dirs of brokers and what is in them (Kafka's kafka-log-dirs.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool log-dirs "$0" "$@"
