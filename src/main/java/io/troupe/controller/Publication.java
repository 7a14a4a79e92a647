package io.troupe.controller;

import java.util.List;

/** What a controller tells the brokers of the committed metadata (SAFETY 2.5, 2.6). May be lost: the next shows the gap. */
sealed interface Publication extends RemoteMessage {
    /** Epoch of the controller that tells. */
    Epoch epoch();

    /** Committed events at {@code firstIndex} and after, encoded. */
    record Committed(Epoch epoch, long firstIndex, List<byte[]> events) implements Publication {}

    /** One of {@code parts} pieces of the encoded image as of {@code index}; they come in order or not at all. */
    record SnapshotPart(Epoch epoch, long index, int part, int parts, byte[] bytes) implements Publication {}
}
