#!/usr/bin/env bash
# Elects leaders: preferred replicas, or any where no complete one is left (Kafka's kafka-leader-election.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool leader-election "$0" "$@"
