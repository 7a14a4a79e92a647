package io.troupe.partition;

import io.troupe.partition.LinkMessage.Position;

/** What one follower of a link is fed: where it stands, what was sent to it, and what it waits for. Owned by one {@link LeaderLinkCore}. */
final class LinkFeed {
    /** Tells answers to earlier reads from this run's. */
    final long run;

    Position position;
    /** Whether the position was found to be a beginning of the leader's log. */
    boolean valid;
    /** What was sent ends there. */
    long next;

    boolean reading;
    boolean queued;
    /** Where the next piece of a large batch begins; 0 for none. */
    int largeAt;

    /** Whether it waits for its throttle. */
    boolean held;

    private long toldHighWatermark = -1;
    private long toldLogStart = -1;

    LinkFeed(long run) {
        this.run = run;
    }

    /** Whether it is neither read for nor about to be. */
    boolean isIdle() {
        return !reading && !queued;
    }

    /** It is told how far the leader's log is. */
    void told(LogView view) {
        toldHighWatermark = view.highWatermark();
        toldLogStart = view.logStartOffset();
    }

    /** Whether it knows of both what it was told. */
    boolean wasTold(LogView view) {
        return toldHighWatermark == view.highWatermark() && toldLogStart == view.logStartOffset();
    }

    /** Whether the high watermark that it was told has reached the log's end, so that only an append changes it. */
    boolean wasToldAll(LogView view) {
        return toldHighWatermark >= view.logEndOffset();
    }

    /** Whether a follower without records, or one that lacks what the log no longer begins with, is to begin elsewhere. */
    boolean beginsElsewhere(LinkReads.Chunk chunk) {
        boolean mayMove = position.lastEpoch() < 0 || next < chunk.offset();
        return chunk.at() == 0 && mayMove && chunk.beginning() != next;
    }
}
