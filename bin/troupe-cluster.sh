#!/usr/bin/env bash
# Tells how the cluster is, what its metadata says, moves replicas; the cluster's id and brokers (Kafka's kafka-cluster.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool cluster "$0" "$@"
