#!/usr/bin/env bash
# Sends the lines of standard input to a topic (Kafka's kafka-console-producer.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool console-producer "$0" "$@"
