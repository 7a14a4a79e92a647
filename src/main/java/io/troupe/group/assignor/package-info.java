/**
 * Who in a group of the consumer protocol (KIP-848) is to own which partitions. Entry: {@link
 * io.troupe.group.assignor.PartitionAssignor}. Pure and deterministic: the same members and topics give the same target on
 * every broker. Knows nothing of groups' states, epochs or requests.
 */
package io.troupe.group.assignor;
