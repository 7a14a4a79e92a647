package io.troupe.partition;

/**
 * What one end of a replica link asks of throttled replication (KIP-73): which followers are held to a rate, and whether it leaves
 * room just now. Bytes that have passed count whether there was room or not, so a batch larger than a second's bytes passes and is
 * waited for afterwards.
 */
interface Throttle {
    /** Holds nobody. */
    Throttle NONE = new Throttle() {
        @Override
        public boolean holds(PartitionKey partition) {
            return false;
        }

        @Override
        public boolean hasRoom(PartitionKey partition) {
            return true;
        }

        @Override
        public void passed(PartitionKey partition, int bytes) {}
    };

    /** Whether the follower of that partition is to be sent one message at a time, because its leader's or its own broker is held to a rate. */
    boolean holds(PartitionKey partition);

    /** Whether this end's rate, if it bounds that follower, lets something pass now. */
    boolean hasRoom(PartitionKey partition);

    /** So much of that partition has passed this end. */
    void passed(PartitionKey partition, int bytes);
}
