package io.troupe.journal;

/**
 * A snapshot of a persistent actor that is not a partition (a metadata voter), as bytes.
 *
 * @param damaged whether there were snapshots and none can be read: what the journal holds after them rests on nothing
 */
public record JournaledSnapshot(byte[] value, boolean damaged) {
    public JournaledSnapshot(byte[] value) {
        this(value, false);
    }
}
