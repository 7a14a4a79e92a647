#!/usr/bin/env bash
# Prints the records of topics (Kafka's kafka-console-consumer.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool console-consumer "$0" "$@"
