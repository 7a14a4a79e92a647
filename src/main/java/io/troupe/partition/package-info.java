/**
 * Partitions: the Replica and its ReplicaLog, the views that readers use, and where sharding puts them. Entry:
 * {@link io.troupe.partition.LocalReplicas} and {@link io.troupe.partition.Replica}. Must not know Kafka's requests.
 */
package io.troupe.partition;
