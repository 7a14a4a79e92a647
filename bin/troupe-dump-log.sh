#!/usr/bin/env bash
# Prints what segment files hold (Kafka's kafka-dump-log.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool dump-log "$0" "$@"
