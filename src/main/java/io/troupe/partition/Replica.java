package io.troupe.partition;

import io.troupe.model.Refusal;
import java.nio.ByteBuffer;
import java.util.List;

/** One replica of a partition on this broker: roles, ISR, HW, producer checks and waiters; no I/O. */
public final class Replica {

    /** What a Replica is told. */
    public sealed interface Command permits Append, DeleteRecords, AwaitData, CancelWait, TellFollowers, Internal {}

    /**
     * Append one batch (already validated by {@code record.BatchValidator}; the buffer is handed over and stamped in place).
     *
     * @param batch exactly one v2 batch
     * @param requiredAcks 0, 1 or -1
     * @param leaderEpoch the LE that the writer is bound to, -1 for any (client produces)
     * @param timeoutMs for acks=-1: after this REQUEST_TIMED_OUT is answered; the batch stays
     * @param internal written by the broker itself (groups, transactions): may be a control batch
     */
    public record Append(
            ByteBuffer batch, short requiredAcks, int leaderEpoch, int timeoutMs, boolean internal, AppendReply reply)
            implements Command {}

    /** Answered exactly once, on an actor's thread: hand over and return. */
    public interface AppendReply {
        /**
         * The batch has its offsets and the acks asked for.
         *
         * @param logAppendTimeMs -1 with CreateTime
         */
        void appended(long baseOffset, long lastOffset, long logAppendTimeMs, long logStartOffset, int leaderEpoch);

        void refused(Refusal refusal, long logStartOffset);
    }

    /** Delete the records before {@code offset}, -1 for all below the HW. */
    public record DeleteRecords(long offset, DeleteReply reply) implements Command {}

    /** Answered exactly once, on an actor's thread: hand over and return. */
    public interface DeleteReply {
        /** @param logStartOffset where the log starts now, durably: at the offset asked for or beyond */
        void deleted(long logStartOffset);

        void refused(Refusal refusal);
    }

    /**
     * Call {@code waiter} once when the readable end (HW, or LSO when {@code readCommitted}) is beyond
     * {@code endOffset}, or the Replica resigns. Called at once when that is so already.
     */
    public record AwaitData(Waiter waiter, long endOffset, boolean readCommitted) implements Command {}

    /** Forget a waiter; no call is made if none was made yet. */
    public record CancelWait(Waiter waiter) implements Command {}

    /** Called on an actor's thread: hand over and return. Identity is the object. May be called after a cancel, never twice by one Replica for one AwaitData. */
    public interface Waiter {
        void dataMayBeThere();
    }

    /** Say how far the followers have come; a Replica that does not lead knows of none. */
    public record TellFollowers(FollowersReply reply) implements Command {}

    /**
     * A follower as its leader knows it.
     *
     * @param endOffset where its log ends, exclusive; -1 when it was not heard from in this leader epoch
     * @param behindMs for how long it has not come to where the log ended then; 0 when it has all
     */
    public record FollowerStanding(int brokerId, long endOffset, long behindMs) {}

    /** Answered at most once, on an actor's thread: hand over and return. */
    public interface FollowersReply {
        void followers(List<FollowerStanding> standings);
    }

    /** Of this package's own actors. */
    non-sealed interface Internal extends Command {}

    private Replica() {}
}
