#!/usr/bin/env bash
# Prints the metadata quorum: leader, epoch, voters and how far each is (Kafka's kafka-metadata-quorum.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool metadata-quorum "$0" "$@"
