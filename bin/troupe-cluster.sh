#!/usr/bin/env bash
# Prints the cluster's id and its brokers (Kafka's kafka-cluster.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool cluster "$0" "$@"
