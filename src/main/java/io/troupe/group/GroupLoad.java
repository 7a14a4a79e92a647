package io.troupe.group;

import io.troupe.journal.LogReader;
import io.troupe.record.BatchHeader;
import io.troupe.record.Batches;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/** Reads all groups of a partition of {@code __consumer_offsets}, in bounded chunks, on a thread that may block. */
final class GroupLoad {
    static final int CHUNK_BYTES = 1 << 20;

    private GroupLoad() {}

    /**
     * What was read.
     *
     * @param unreadable records that were skipped because they are of a form that is not known
     */
    record Result(Map<String, CommittedGroup> groups, long records, long unreadable) {}

    /**
     * @param endOffset exclusive; a batch boundary
     * @param cancelled asked between chunks; the result is worthless then
     */
    static Result read(LogReader reader, long endOffset, BooleanSupplier cancelled) throws IOException {
        Map<String, CommittedGroup> groups = new HashMap<>();
        long records = 0;
        long unreadable = 0;
        long at = reader.logStartOffset();
        while (at < endOffset && !cancelled.getAsBoolean()) {
            ByteBuffer chunk = reader.read(at, endOffset, CHUNK_BYTES, true);
            if (!chunk.hasRemaining()) {
                break;
            }
            Map<String, List<GroupRecord>> byGroup = new HashMap<>();
            for (Batches.Decoded decoded : Batches.records(chunk)) {
                records++;
                try {
                    GroupRecord record =
                            decoded.key() == null ? null : GroupRecords.read(decoded.key(), decoded.value());
                    if (record != null) {
                        byGroup.computeIfAbsent(record.groupId(), g -> new ArrayList<>())
                                .add(record);
                    }
                } catch (GroupRecords.MalformedRecordException e) {
                    unreadable++;
                }
            }
            byGroup.forEach((id, read) -> {
                CommittedGroup group =
                        groups.getOrDefault(id, CommittedGroup.empty(id)).with(read);
                if (group.isVoid()) {
                    groups.remove(id);
                } else {
                    groups.put(id, group);
                }
            });
            at = end(chunk, at);
        }
        return new Result(groups, records, unreadable);
    }

    private static long end(ByteBuffer chunk, long from) {
        long end = from;
        int at = chunk.position();
        while (chunk.limit() - at >= BatchHeader.SIZE) {
            end = BatchHeader.lastOffset(chunk, at) + 1;
            at += BatchHeader.sizeInBytes(chunk, at);
        }
        if (end <= from) {
            throw new IllegalStateException("a read at offset " + from + " gave no batch beyond it");
        }
        return end;
    }
}
