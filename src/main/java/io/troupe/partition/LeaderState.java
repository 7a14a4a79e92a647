package io.troupe.partition;

import io.troupe.journal.LogAppend;
import io.troupe.model.Refusal;
import io.troupe.partition.Replica.Append;
import io.troupe.partition.Replica.AppendReply;
import io.troupe.partition.Replica.AwaitData;
import io.troupe.partition.Replica.Waiter;
import io.troupe.record.BatchHeader;
import io.troupe.record.ProducerStates;
import io.troupe.record.ProducerStates.Check;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.protocol.Errors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a leader decides, in one leader epoch: which batch gets which offset, how far the HW may go, who is answered and
 * when. Pure: no Pekko, clock or I/O; owned by one Replica. Given up whole when the Replica resigns.
 *
 * <p>Offsets, each exclusive: {@code hw <= persistedEnd <= nextOffset}. A batch is admitted (stamped, remembered in the
 * producer state, queued), then persisted with others as one group, then covered by the HW. Since a failed persist ends the
 * leadership, the producer state may hold batches in flight: they are never taken back.
 *
 * <p>What waits here is not bounded by this class: every waiting batch and fetch counts in the network layer's budget of
 * in-flight bytes and parked requests until it is answered, which bounds the whole broker at once.
 */
final class LeaderState {
    private static final Logger log = LoggerFactory.getLogger(LeaderState.class);
    private static final Refusal NOT_LEADER = Refusal.of(Errors.NOT_LEADER_OR_FOLLOWER);

    /** An admitted batch (or a repetition of one) whose writer waits. */
    private record Pending(
            AppendReply reply, long baseOffset, long lastOffset, long logAppendTimeMs, long deadlineMs) {}

    private final int brokerId;
    private final int leaderEpoch;
    private final long epochStartOffset;
    private final ProducerStates producers;
    private long logStartOffset;
    private long highWatermark;

    private List<Integer> committedIsr;
    /** Committed and proposed members together. */
    private List<Integer> maximalIsr;

    private int minInsync;
    // What one append may have at most, in bytes: a segment holds it whole.
    private int segmentBytes = Integer.MAX_VALUE;
    /** LEO of each follower, as it told in this leader epoch; a follower without entry holds back the HW. */
    private final Map<Integer, Long> followerEnds = new HashMap<>();

    private final AppendQueue queue;
    private final ArrayDeque<Pending> awaitingPersist = new ArrayDeque<>();
    private final ArrayDeque<Pending> awaitingHighWatermark = new ArrayDeque<>();
    private final DataWaiters waiters = new DataWaiters();

    /**
     * @param minInsync m: min(min.insync.replicas, replication factor)
     * @param logEndOffset LEO at the election: where the epoch starts
     */
    LeaderState(
            int brokerId,
            int leaderEpoch,
            List<Integer> isr,
            int minInsync,
            long logStartOffset,
            long highWatermark,
            long logEndOffset,
            ProducerStates producers) {
        this.brokerId = brokerId;
        this.leaderEpoch = leaderEpoch;
        this.committedIsr = isr;
        this.maximalIsr = isr;
        this.minInsync = minInsync;
        this.logStartOffset = logStartOffset;
        this.highWatermark = highWatermark;
        this.epochStartOffset = logEndOffset;
        this.queue = new AppendQueue(logEndOffset);
        this.producers = producers;
        advanceHighWatermark();
    }

    int leaderEpoch() {
        return leaderEpoch;
    }

    long epochStartOffset() {
        return epochStartOffset;
    }

    long logStartOffset() {
        return logStartOffset;
    }

    /** The log starts there now, durably. Then publish. */
    void logStartMoved(long offset) {
        logStartOffset = Math.max(logStartOffset, offset);
    }

    long highWatermark() {
        return highWatermark;
    }

    /** LEO: what is on disk. */
    long persistedEnd() {
        return queue.persistedEnd();
    }

    boolean epochStartCommitted() {
        return highWatermark >= epochStartOffset;
    }

    /** {@code segment.bytes} from the next append on. */
    void segmentBytes(int most) {
        segmentBytes = most;
    }

    ProducerStates producers() {
        return producers;
    }

    /**
     * Takes a batch or answers it. A batch taken has its offsets and waits in the queue for {@link #nextGroup}.
     *
     * @return whether anything new waits for acks=all
     */
    boolean admit(Append append, long nowMs) {
        Refusal refusal = refusal(append);
        if (refusal != null) {
            refuse(append.reply(), refusal);
            return false;
        }
        ByteBuffer b = append.batch();
        int at = b.position();
        long logAppendTimeMs = BatchHeader.isLogAppendTime(b, at) ? BatchHeader.maxTimestamp(b, at) : -1;
        Check check = producers.check(
                BatchHeader.producerId(b, at),
                BatchHeader.producerEpoch(b, at),
                BatchHeader.baseSequence(b, at),
                BatchHeader.lastSequence(b, at));
        if (check instanceof Check.Refused refused) {
            refuse(append.reply(), refused.refusal());
            return false;
        }
        if (check instanceof Check.Duplicate original) {
            long originalTimeMs = logAppendTimeMs < 0 ? -1 : original.timestampMs();
            return await(append, original.baseOffset(), original.lastOffset(), originalTimeMs, nowMs);
        }
        if (queue.nextOffset() == 0 && BatchHeader.baseSequence(b, at) > 0) {
            // Nobody has written here yet, so the batch before it was refused, as happens while a new partition gets
            // its leader. Taken now, it would shut that one out for good; refused, both are sent again in order.
            refuse(
                    append.reply(),
                    new Refusal(
                            Errors.OUT_OF_ORDER_SEQUENCE_NUMBER,
                            "the first batch of a partition has sequence " + BatchHeader.baseSequence(b, at)));
            return false;
        }
        long baseOffset = queue.nextOffset();
        BatchHeader.stamp(b, at, baseOffset, leaderEpoch);
        long lastOffset = BatchHeader.lastOffset(b, at);
        producers.append(
                BatchHeader.producerId(b, at),
                BatchHeader.producerEpoch(b, at),
                BatchHeader.baseSequence(b, at),
                BatchHeader.lastSequence(b, at),
                baseOffset,
                lastOffset,
                BatchHeader.maxTimestamp(b, at));
        queue.add(b, lastOffset + 1);
        return await(append, baseOffset, lastOffset, logAppendTimeMs, nowMs);
    }

    private Refusal refusal(Append append) {
        if (append.leaderEpoch() >= 0 && append.leaderEpoch() != leaderEpoch) {
            return new Refusal(
                    Errors.FENCED_LEADER_EPOCH,
                    "the write is bound to leader epoch " + append.leaderEpoch() + ", this leader's is " + leaderEpoch);
        }
        if (append.requiredAcks() == -1 && committedIsr.size() < minInsync) {
            return new Refusal(
                    Errors.NOT_ENOUGH_REPLICAS,
                    committedIsr.size() + " replicas are in sync, min.insync.replicas asks for " + minInsync);
        }
        // As in Kafka before it is asked whether the batch is a repetition.
        if (append.batch().remaining() > segmentBytes) {
            return new Refusal(
                    Errors.RECORD_LIST_TOO_LARGE,
                    "a batch of " + append.batch().remaining()
                            + " bytes is larger than a segment may be (segment.bytes, " + segmentBytes + ")");
        }
        return null;
    }

    private boolean await(Append append, long baseOffset, long lastOffset, long logAppendTimeMs, long nowMs) {
        boolean all = append.requiredAcks() == -1;
        long deadlineMs = nowMs + Math.max(0, append.timeoutMs());
        Pending pending = new Pending(append.reply(), baseOffset, lastOffset, logAppendTimeMs, deadlineMs);
        if (lastOffset < (all ? highWatermark : persistedEnd())) {
            answer(pending);
            return false;
        }
        (all ? awaitingHighWatermark : awaitingPersist).add(pending);
        return all;
    }

    /** As {@link AppendQueue#nextGroup}. */
    LogAppend nextGroup(int maxBytes) {
        return queue.nextGroup(maxBytes);
    }

    /** The group in flight is on disk. Publish a new view, then call {@link #answerPersisted} and {@link #answerCovered}. */
    void persisted(long endOffset) {
        queue.persisted(endOffset);
        advanceHighWatermark();
    }

    /** Answers the writers of acks 0 and 1. */
    void answerPersisted() {
        while (!awaitingPersist.isEmpty() && awaitingPersist.peek().lastOffset < persistedEnd()) {
            answer(awaitingPersist.poll());
        }
    }

    /** Wakes readers, then answers the writers of acks=all: those that the HW covers, and all when too few are in sync. */
    void answerCovered() {
        waiters.wake(highWatermark);
        while (!awaitingHighWatermark.isEmpty() && awaitingHighWatermark.peek().lastOffset < highWatermark) {
            answer(awaitingHighWatermark.poll());
        }
        if (committedIsr.size() < minInsync) {
            Refusal refusal = new Refusal(
                    Errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
                    "the batch was written, but only " + committedIsr.size() + " replicas are left in sync of "
                            + minInsync + " (min.insync.replicas)");
            while (!awaitingHighWatermark.isEmpty() && awaitingHighWatermark.peek().lastOffset < persistedEnd()) {
                refuse(awaitingHighWatermark.poll().reply, refusal);
            }
        }
    }

    /** Answers the writers of acks=all whose time is up; their batches stay. */
    void expire(long nowMs) {
        for (Iterator<Pending> it = awaitingHighWatermark.iterator(); it.hasNext(); ) {
            Pending pending = it.next();
            if (pending.deadlineMs <= nowMs) {
                it.remove();
                refuse(pending.reply, Refusal.of(Errors.REQUEST_TIMED_OUT));
            }
        }
    }

    /** When {@link #expire} has something to do, {@link Long#MAX_VALUE} when nothing waits. */
    long nextDeadlineMs() {
        long next = Long.MAX_VALUE;
        for (Pending pending : awaitingHighWatermark) {
            next = Math.min(next, pending.deadlineMs);
        }
        return next;
    }

    /** A committed ISR; what was proposed is forgotten. Then publish, and call {@link #answerCovered}. */
    void isrCommitted(List<Integer> isr, int newMinInsync) {
        committedIsr = isr;
        maximalIsr = isr;
        minInsync = newMinInsync;
        advanceHighWatermark();
    }

    /** Another {@code min.insync.replicas}; what was proposed stands. Then publish, and call {@link #answerCovered}. */
    void minInsync(int newMinInsync) {
        minInsync = newMinInsync;
        advanceHighWatermark();
    }

    /** A proposed ISR: an expansion counts at once, a shrink only when it is committed. */
    void isrProposed(List<Integer> isr) {
        List<Integer> union = new ArrayList<>(committedIsr);
        for (Integer member : isr) {
            if (!union.contains(member)) {
                union.add(member);
            }
        }
        maximalIsr = union;
    }

    /** A follower's LEO, already validated for this leader epoch. Then publish, and call {@link #answerCovered}. */
    void followerAt(int follower, long endOffset) {
        followerEnds.put(follower, endOffset);
        advanceHighWatermark();
    }

    private void advanceHighWatermark() {
        if (committedIsr.size() < minInsync) {
            return;
        }
        long min = persistedEnd();
        for (int i = 0; i < maximalIsr.size(); i++) {
            int member = maximalIsr.get(i);
            if (member != brokerId) {
                Long end = followerEnds.get(member);
                if (end == null) {
                    return;
                }
                min = Math.min(min, end);
            }
        }
        highWatermark = Math.max(highWatermark, min);
    }

    void await(AwaitData await) {
        waiters.await(await, highWatermark);
    }

    void cancel(Waiter waiter) {
        waiters.cancel(waiter);
    }

    /** Answers everything that waits, once and for all. */
    void resign(Refusal reason) {
        Refusal told = reason.error() == Errors.NOT_LEADER_OR_FOLLOWER ? Refusal.mayBeWritten() : reason;
        queue.forgetWaiting();
        while (!awaitingPersist.isEmpty()) {
            refuse(awaitingPersist.poll().reply, told);
        }
        while (!awaitingHighWatermark.isEmpty()) {
            refuse(awaitingHighWatermark.poll().reply, told);
        }
        waiters.wakeAll();
    }

    /** The answer of a replica that does not lead. */
    static void refuseNotLeader(Append append) {
        refuse(append.reply(), NOT_LEADER, -1);
    }

    private void answer(Pending pending) {
        try {
            pending.reply.appended(
                    pending.baseOffset, pending.lastOffset, pending.logAppendTimeMs, logStartOffset, leaderEpoch);
        } catch (RuntimeException e) {
            // A writer's own fault must not end the leadership.
            log.error("A writer's reply failed", e);
        }
    }

    private void refuse(AppendReply reply, Refusal refusal) {
        refuse(reply, refusal, logStartOffset);
    }

    private static void refuse(AppendReply reply, Refusal refusal, long logStartOffset) {
        try {
            reply.refused(refusal, logStartOffset);
        } catch (RuntimeException e) {
            log.error("A writer's reply failed", e);
        }
    }
}
