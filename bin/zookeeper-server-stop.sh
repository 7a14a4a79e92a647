#!/usr/bin/env bash
# The counterpart of zookeeper-server-start.sh: there is nothing to stop.
echo "Troupe has no ZooKeeper: its brokers keep the cluster's metadata themselves, in a quorum of their own."
echo "Nothing needs to be stopped here. Brokers stop with: bin/troupe-server-stop.sh"
exit 0
