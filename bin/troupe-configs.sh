#!/usr/bin/env bash
# Describes and changes the settings of topics and brokers (the flags of Kafka's kafka-configs.sh).
self=$0; while [ -L "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac; done
exec "$(dirname -- "$self")/troupe-run-class.sh" --tool configs "$0" "$@"
