package io.troupe.journal;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * The event that a ReplicaLog persists: a group of record batches that already carry their offsets and leader epoch. The
 * journal writes the buffers' bytes as they are, with one gathering write, and never keeps the event.
 *
 * @param baseOffset offset of the first record; must be the log end offset
 * @param endOffset exclusive: the log end offset afterwards
 * @param buffers whole batches, one or more to a buffer, in offset order
 * @param sizeInBytes bytes in all buffers together
 */
public record LogAppend(long baseOffset, long endOffset, List<ByteBuffer> buffers, int sizeInBytes) {}
