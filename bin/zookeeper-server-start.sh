#!/usr/bin/env bash
# Kafka's old tutorials begin with this; here there is nothing to start.
echo "Troupe has no ZooKeeper: its brokers keep the cluster's metadata themselves, in a quorum of their own."
echo "Nothing needs to be started or stopped here. A broker starts with: bin/troupe-server-start.sh conf/server.properties"
exit 0
