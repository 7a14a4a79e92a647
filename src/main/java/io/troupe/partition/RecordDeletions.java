package io.troupe.partition;

import io.troupe.config.LogConfig;
import io.troupe.model.Refusal;
import io.troupe.partition.Replica.DeleteReply;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.kafka.common.protocol.Errors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Deletions that clients asked of a leader and that wait until its log starts there. Pure; owned by one Replica. */
final class RecordDeletions {
    /** Offset by which a client asks for all that it can read. */
    static final long HIGH_WATERMARK = -1;

    private static final Logger log = LoggerFactory.getLogger(RecordDeletions.class);

    private record Waiting(long offset, DeleteReply reply) {}

    private final List<Waiting> waiting = new ArrayList<>();

    /** Why a leader may not delete below {@code offset}; null when it may. */
    static Refusal refusal(long offset, long highWatermark, LogConfig config) {
        if (config.compacted() && !config.cleanupPolicy().contains("delete")) {
            return new Refusal(
                    Errors.POLICY_VIOLATION,
                    "records of a topic with cleanup.policy=compact are not deleted by offset");
        }
        if (offset < 0 || offset > highWatermark) {
            return new Refusal(
                    Errors.OFFSET_OUT_OF_RANGE,
                    "records can be deleted before offset 0 to " + highWatermark + " (the high watermark), not "
                            + offset);
        }
        return null;
    }

    void await(long offset, DeleteReply reply) {
        waiting.add(new Waiting(offset, reply));
    }

    /** Answers those whose offset the log start has come to. */
    void answer(long logStartOffset) {
        for (Iterator<Waiting> it = waiting.iterator(); it.hasNext(); ) {
            Waiting next = it.next();
            if (next.offset <= logStartOffset) {
                it.remove();
                deleted(next.reply, logStartOffset);
            }
        }
    }

    void refuseAll(Refusal refusal) {
        List<Waiting> all = List.copyOf(waiting);
        waiting.clear();
        all.forEach(one -> refuse(one.reply, refusal));
    }

    private static void deleted(DeleteReply reply, long logStartOffset) {
        try {
            reply.deleted(logStartOffset);
        } catch (RuntimeException e) {
            // The asker's own fault must not end the leadership.
            log.error("A deletion's reply failed", e);
        }
    }

    static void refuse(DeleteReply reply, Refusal refusal) {
        try {
            reply.refused(refusal);
        } catch (RuntimeException e) {
            log.error("A deletion's reply failed", e);
        }
    }
}
