#!/usr/bin/env bash
# Deletes records below given offsets (Kafka's kafka-delete-records.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool delete-records "$0" "$@"
