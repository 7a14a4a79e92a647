#!/usr/bin/env bash
# Prints the APIs and versions that a broker serves (Kafka's kafka-broker-api-versions.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool broker-api-versions "$0" "$@"
