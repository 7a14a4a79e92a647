#!/usr/bin/env bash
# Moves replicas between brokers (Kafka's kafka-reassign-partitions.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool reassign-partitions "$0" "$@"
