package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.partition.LinkMessage.Divergence;
import io.troupe.partition.LinkMessage.Piece;
import io.troupe.partition.LinkMessage.Positions;
import io.troupe.partition.LinkMessage.Records;
import io.troupe.partition.LinkMessage.Restart;
import io.troupe.record.BatchHeader;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

/** Both ends of a link in simulated time, with one follower that is held to a rate beside one that is not (KIP-73). */
class LinkThrottleTest {
    private static final PartitionKey THROTTLED = new PartitionKey(new Uuid(1, 1), 0);
    private static final PartitionKey FREE = new PartitionKey(new Uuid(1, 1), 1);
    private static final int RATE = 10_000;
    private static final int STEP_MS = 10;

    private final Map<PartitionKey, MemoryLog> leaders = new HashMap<>();
    private final Map<PartitionKey, Long> counted = new HashMap<>();
    private final Map<PartitionKey, Long> copied = new HashMap<>();
    private final ArrayDeque<LinkMessage> toLeader = new ArrayDeque<>();
    private final ArrayDeque<Records> toFollower = new ArrayDeque<>();
    private final ArrayDeque<Runnable> reads = new ArrayDeque<>();
    private long nowMs;
    private boolean inSync;
    private boolean leaderLimits;
    private boolean followerLimits;
    private final LeaderLinkCore leader = new LeaderLinkCore(1, new LeaderPort(), new Limit(true));
    private final FollowerLinkCore follower = new FollowerLinkCore(2, new FollowerPort(), new Limit(false));

    /** Both ends know of either limit; each counts its own. */
    private final class Limit implements Throttle {
        private final boolean ofLeader;
        private final ByteRate rate = new ByteRate();

        Limit(boolean ofLeader) {
            this.ofLeader = ofLeader;
        }

        private boolean counts(PartitionKey partition) {
            return partition.equals(THROTTLED) && !inSync && (ofLeader ? leaderLimits : followerLimits);
        }

        @Override
        public boolean holds(PartitionKey partition) {
            return counts(partition) || ofLeader && partition.equals(THROTTLED) && !inSync && followerLimits;
        }

        @Override
        public boolean hasRoom(PartitionKey partition) {
            return !counts(partition) || rate.hasRoom(RATE, nowMs);
        }

        @Override
        public void passed(PartitionKey partition, int bytes) {
            if (counts(partition)) {
                rate.passed(bytes, RATE, nowMs);
            }
        }
    }

    private void backlog(int batches) {
        for (PartitionKey partition : List.of(THROTTLED, FREE)) {
            MemoryLog log = new MemoryLog();
            leaders.put(partition, log);
            for (int i = 0; i < batches; i++) {
                log.append(10, 1);
            }
            counted.put(partition, 0L);
            copied.put(partition, 0L);
            follower.follow(partition, 5, 1, 0, -1, nowMs);
        }
    }

    /** @return when the leader knows that the follower has all, in simulated milliseconds from now */
    private long untilCaughtUp(PartitionKey partition, int mostMs) {
        long from = nowMs;
        while (counted.get(partition) < leaders.get(partition).logEndOffset()) {
            assertTrue(nowMs - from < mostMs, partition + " is at " + counted.get(partition));
            step();
        }
        return nowMs - from;
    }

    private void step() {
        nowMs += STEP_MS;
        if (nowMs % 250 == 0) {
            follower.tick(nowMs);
        }
        if (nowMs % 500 == 0) {
            leader.beat(nowMs);
        }
        for (int i = 0; i < 100 && deliver(); i++) {
            // until nothing is on its way; a hundred rounds are far more than anything takes that is not limited
        }
    }

    private boolean deliver() {
        follower.flush();
        leader.flush();
        boolean any = !toLeader.isEmpty() || !toFollower.isEmpty() || !reads.isEmpty();
        while (!toLeader.isEmpty()) {
            leader.positions((Positions) toLeader.poll(), nowMs);
        }
        while (!reads.isEmpty()) {
            reads.poll().run();
        }
        leader.flush();
        while (!toFollower.isEmpty()) {
            follower.records(toFollower.poll(), nowMs);
        }
        return any;
    }

    private void catchesUpAtTheRate() {
        backlog(600);
        long bytes = leaders.get(THROTTLED).sizeInBytes();
        assertTrue(untilCaughtUp(FREE, 5_000) <= 1_000, "nobody else waits for it");
        long ms = nowMs + untilCaughtUp(THROTTLED, 60_000);
        long due = bytes * 1000 / RATE;
        assertTrue(Math.abs(ms - due) <= 1_500, bytes + " bytes took " + ms + " ms, at " + RATE + " a second " + due);
    }

    @Test
    void aLeadersRateBoundsWhatItSends() {
        leaderLimits = true;
        catchesUpAtTheRate();
    }

    @Test
    void aFollowersRateBoundsWhatItTakes() {
        followerLimits = true;
        catchesUpAtTheRate();
    }

    @Test
    void bothAtOnceAreNotSlowerThanOne() {
        leaderLimits = true;
        followerLimits = true;
        catchesUpAtTheRate();
    }

    @Test
    void whatIsAppendedMeanwhileWaitsInItsTurnToo() {
        leaderLimits = true;
        backlog(300);
        for (int i = 0; i < 200; i++) {
            step();
            leader.appended(THROTTLED, 1, leaders.get(THROTTLED).append(10, 1));
            leader.appended(FREE, 1, leaders.get(FREE).append(10, 1));
        }
        long most = RATE * nowMs / 1000 + RATE + 2_000;
        assertTrue(copied.get(THROTTLED) <= most, copied.get(THROTTLED) + " bytes in " + nowMs + " ms");
        step();
        assertEquals(leaders.get(FREE).logEndOffset(), counted.get(FREE), "what is free is not slowed");
        untilCaughtUp(THROTTLED, 60_000);
    }

    @Test
    void whoIsInSyncIsNotHeld() {
        leaderLimits = true;
        followerLimits = true;
        inSync = true;
        backlog(600);
        assertTrue(untilCaughtUp(THROTTLED, 5_000) <= 1_000);
    }

    @Test
    void whoComesInSyncOrLosesItsThrottleGoesOnAtOnce() {
        leaderLimits = true;
        followerLimits = true;
        backlog(600);
        for (int i = 0; i < 100; i++) {
            step();
        }
        assertTrue(counted.get(THROTTLED) < leaders.get(THROTTLED).logEndOffset() / 2);
        inSync = true;
        assertTrue(untilCaughtUp(THROTTLED, 5_000) <= 1_000);
    }

    private final class LeaderPort implements LeaderLinkCore.Port {
        @Override
        public LogView view(PartitionKey partition) {
            return leaders.get(partition).view(partition, 1, 0, List.of(new EpochStart(1, 0)));
        }

        @Override
        public long followerEpoch() {
            return 5;
        }

        @Override
        public long ownEpoch() {
            return 4;
        }

        @Override
        public void send(LinkMessage message) {
            if (message instanceof Restart restart) {
                follower.restart(restart, nowMs);
            } else {
                toFollower.add((Records) message);
            }
        }

        @Override
        public void read(PartitionKey partition, long run, LogView view, long offset, int maxBytes) {
            reads.add(() -> {
                ByteBuffer batches = leaders.get(partition).read(offset, view.logEndOffset(), 1_000, true);
                long end = BatchHeader.endOffset(batches);
                leader.read(partition, run, new LinkReads.Chunk(offset, end, batches.remaining(), 0, batches));
            });
        }

        @Override
        public void readOn(PartitionKey partition, long run) {
            throw new AssertionError("no batch is that large");
        }

        @Override
        public void letGo(PartitionKey partition) {}

        @Override
        public void followerAt(PartitionKey partition, int leaderEpoch, long brokerEpoch, long offset) {
            counted.merge(partition, offset, Math::max);
        }
    }

    private final class FollowerPort implements FollowerLinkCore.Port {
        @Override
        public void send(LinkMessage message) {
            toLeader.add(message);
        }

        @Override
        public void deliver(Piece offsets, ByteBuffer batches, int credit, long run) {
            if (batches.hasRemaining()) {
                copied.merge(offsets.partition(), (long) batches.remaining(), Long::sum);
                follower.at(offsets.partition(), 1, BatchHeader.endOffset(batches), 1, run, credit);
            }
        }

        @Override
        public void diverged(Divergence divergence) {
            throw new AssertionError(divergence);
        }
    }
}
