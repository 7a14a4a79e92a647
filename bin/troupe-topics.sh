#!/usr/bin/env bash
# Creates, lists, describes, alters and deletes topics (Kafka's kafka-topics.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool topics "$0" "$@"
