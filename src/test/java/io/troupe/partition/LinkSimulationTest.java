package io.troupe.partition;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.journal.JournalCommand.EpochStart;
import io.troupe.journal.LogAppend;
import io.troupe.partition.FollowerState.Taken;
import io.troupe.partition.LinkMessage.Divergence;
import io.troupe.partition.LinkMessage.Piece;
import io.troupe.partition.LinkMessage.Positions;
import io.troupe.partition.LinkMessage.Records;
import io.troupe.partition.LinkMessage.Restart;
import io.troupe.record.BatchHeader;
import java.io.IOException;
import java.io.NotSerializableException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Both ends of a link and the followers' states over a network that drops, repeats and reorders, while leaders change, logs
 * part and the follower's broker restarts (rules 1.2, 1.3, 1.12). {@code -Dseed=} replays one run.
 */
class LinkSimulationTest {
    private static final int STEPS = 4_000;

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7})
    void positionsThatCountAreTrueAndAllArrivesWhenTheNetworkHeals(int n) {
        for (int i = 0; i < 25; i++) {
            long seed = Long.getLong("seed", n * 1_000L + i);
            try {
                new World(seed).run();
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("seed " + seed, e);
            }
        }
    }

    /** A partition on both brokers. */
    private static final class Partition {
        final PartitionKey key;
        final MemoryLog leaders = new MemoryLog();
        final MemoryLog followers = new MemoryLog();
        int epoch = 1;
        List<EpochStart> epochs = new ArrayList<>(List.of(new EpochStart(1, 0)));
        long counted;
        FollowerState state;
        boolean skipping;
        boolean announce;

        Partition(PartitionKey key) {
            this.key = key;
        }

        LogView view() {
            return leaders.view(key, epoch, Math.min(counted, leaders.logEndOffset()), epochs);
        }
    }

    private static final class World {
        final Random random;
        final Map<PartitionKey, Partition> partitions = new HashMap<>();
        final List<LinkMessage> toLeader = new ArrayList<>();
        final List<LinkMessage> toFollower = new ArrayList<>();
        final List<Runnable> reads = new ArrayList<>();
        long nowMs;
        long brokerEpoch = 5;
        double trouble;
        final LeaderLinkCore leader;
        FollowerLinkCore follower;

        World(long seed) {
            random = new Random(seed);
            trouble = random.nextInt(4) * 0.08;
            leader = new LeaderLinkCore(1, new LeaderPort(), new SimulatedThrottle());
            follower = new FollowerLinkCore(2, new FollowerPort(), new SimulatedThrottle());
            Uuid topic = new Uuid(1, seed + 2);
            for (int i = 0; i < 3; i++) {
                Partition p = new Partition(new PartitionKey(topic, i));
                partitions.put(p.key, p);
                open(p);
            }
        }

        void run() {
            for (int i = 0; i < STEPS; i++) {
                step();
            }
            trouble = 0;
            for (int i = 0; i < 20_000 && !done(); i++) {
                quietStep();
            }
            for (Partition p : partitions.values()) {
                assertEquals(p.leaders.logEndOffset(), p.followers.logEndOffset(), "all has arrived");
                assertEquals(p.leaders.logEndOffset(), p.counted, "and is known to have");
                assertEquals(p.counted, p.state.highWatermark(), "and the follower knows it");
                assertTrue(p.leaders.agreesWith(p.followers, p.counted), "byte for byte");
            }
        }

        boolean done() {
            return partitions.values().stream()
                    .allMatch(p -> p.counted == p.leaders.logEndOffset()
                            && p.state.persistedEnd() == p.counted
                            && p.state.highWatermark() == p.counted);
        }

        Partition any() {
            return new ArrayList<>(partitions.values()).get(random.nextInt(partitions.size()));
        }

        void step() {
            int what = random.nextInt(1000);
            if (what < 150) {
                append(any());
            } else if (what < 153) {
                elect(any());
            } else if (what < 155) {
                restartFollower();
            } else if (what < 158) {
                deleteRecords(any());
            } else {
                quietStep();
            }
        }

        void quietStep() {
            switch (random.nextInt(7)) {
                case 0, 1 -> deliver(toLeader, true);
                case 2, 3 -> deliver(toFollower, false);
                case 4 -> partitions.values().forEach(this::persist);
                case 5 -> {
                    if (!reads.isEmpty()) {
                        reads.remove(random.nextInt(reads.size())).run();
                    }
                }
                default -> {
                    nowMs += random.nextInt(200);
                    follower.tick(nowMs);
                    if (random.nextInt(4) == 0) {
                        leader.beat(nowMs);
                    }
                }
            }
            follower.flush();
            leader.flush();
        }

        void append(Partition p) {
            LogAppend group = p.leaders.append(1 + random.nextInt(3), p.epoch);
            leader.appended(p.key, p.epoch, group);
        }

        /** The same broker leads on in a new epoch, and has lost the end of its log or gained another. */
        void elect(Partition p) {
            long lost = random.nextInt(6);
            p.leaders.truncate(Math.max(p.leaders.start, p.leaders.logEndOffset() - lost));
            p.epoch++;
            p.epochs.removeIf(e -> e.startOffset() >= p.leaders.logEndOffset());
            p.epochs.add(new EpochStart(p.epoch, p.leaders.logEndOffset()));
            p.counted = 0;
            leader.leads(p.key);
            if (random.nextBoolean()) {
                append(p);
            }
            p.state.follow(p.epoch);
            announce(p);
        }

        /** To any offset: also one inside a batch, which stays whole. */
        void deleteRecords(Partition p) {
            long end = p.leaders.logEndOffset();
            p.leaders.start += random.nextInt((int) (end - p.leaders.start) + 1);
            p.leaders.batches.removeIf(batch -> MemoryLog.end(batch) <= p.leaders.start);
            leader.moved(p.key);
        }

        void restartFollower() {
            brokerEpoch++;
            leader.followerRegistered();
            follower = new FollowerLinkCore(2, new FollowerPort(), new SimulatedThrottle());
            partitions.values().forEach(this::open);
        }

        void open(Partition p) {
            p.state = new FollowerState(
                    p.followers.epochs(), p.followers.start, p.followers.start, p.followers.logEndOffset());
            p.state.follow(p.epoch);
            announce(p);
        }

        void announce(Partition p) {
            p.skipping = true;
            p.announce = true;
            announceWhenIdle(p);
        }

        void announceWhenIdle(Partition p) {
            if (p.announce && !p.state.isWriting()) {
                p.announce = false;
                follower.follow(
                        p.key, brokerEpoch, p.state.leaderEpoch(), p.state.persistedEnd(), p.state.lastEpoch(), nowMs);
            }
        }

        void persist(Partition p) {
            LogAppend group = p.state.nextGroup(1 << 20);
            if (group != null) {
                p.followers.store(group);
                p.state.persisted(group.endOffset());
                follower.at(p.key, p.state.leaderEpoch(), p.state.persistedEnd(), p.state.lastEpoch(), -1, 0);
                announceWhenIdle(p);
            }
        }

        void deliver(List<LinkMessage> queue, boolean isToLeader) {
            if (queue.isEmpty()) {
                return;
            }
            int index = random.nextDouble() < trouble ? random.nextInt(queue.size()) : 0;
            LinkMessage message = random.nextDouble() < trouble ? queue.get(index) : queue.remove(index);
            if (random.nextDouble() < trouble) {
                queue.remove(message);
                return;
            }
            // Through the bytes, as between two processes.
            LinkMessage arrived = throughBytes(message);
            if (isToLeader) {
                leader.positions((Positions) arrived, nowMs);
            } else if (arrived instanceof Records records) {
                follower.records(records, nowMs);
            } else {
                follower.restart((Restart) arrived, nowMs);
            }
        }

        LinkMessage throughBytes(LinkMessage message) {
            LinkSerializer serializer = new LinkSerializer();
            try {
                return (LinkMessage) serializer.fromBinary(serializer.toBinary(message), serializer.manifest(message));
            } catch (NotSerializableException e) {
                throw new AssertionError(e);
            }
        }

        /** Of two thirds of the runs: partition 0 at some hundred bytes a second, as one end or both see it. */
        final class SimulatedThrottle implements Throttle {
            private final ByteRate rate = new ByteRate();
            private final boolean throttles = random.nextInt(3) > 0;

            @Override
            public boolean holds(PartitionKey partition) {
                return throttles && partition.partition() == 0;
            }

            @Override
            public boolean hasRoom(PartitionKey partition) {
                return !holds(partition) || rate.hasRoom(500, nowMs);
            }

            @Override
            public void passed(PartitionKey partition, int bytes) {
                if (holds(partition)) {
                    rate.passed(bytes, 500, nowMs);
                }
            }
        }

        final class LeaderPort implements LeaderLinkCore.Port {
            @Override
            public LogView view(PartitionKey partition) {
                return partitions.get(partition).view();
            }

            @Override
            public long followerEpoch() {
                return brokerEpoch;
            }

            @Override
            public long ownEpoch() {
                return 4;
            }

            @Override
            public void send(LinkMessage message) {
                toFollower.add(message);
            }

            @Override
            public void read(PartitionKey partition, long run, LogView view, long offset, int maxBytes) {
                reads.add(() -> {
                    LinkReads.Chunk chunk = null;
                    try {
                        ByteBuffer batches = view.reader().read(offset, view.logEndOffset(), 300, true);
                        long end = offset;
                        for (int at = 0; at < batches.limit(); at += BatchHeader.sizeInBytes(batches, at)) {
                            end = BatchHeader.lastOffset(batches, at) + 1;
                        }
                        chunk = new LinkReads.Chunk(offset, end, batches.remaining(), 0, batches);
                    } catch (OffsetOutOfRangeException e) {
                        // The log start has moved, or another leader's log is shorter.
                    } catch (IOException e) {
                        throw new AssertionError(e);
                    }
                    leader.read(partition, run, chunk);
                });
            }

            @Override
            public void readOn(PartitionKey partition, long run) {
                throw new AssertionError("no batch is that large");
            }

            @Override
            public void letGo(PartitionKey partition) {}

            @Override
            public void followerAt(PartitionKey partition, int leaderEpoch, long epoch, long offset) {
                Partition p = partitions.get(partition);
                assertEquals(p.epoch, leaderEpoch, "rule 1.2");
                assertEquals(brokerEpoch, epoch, "rule 1.3: of the present broker epoch");
                assertTrue(p.followers.logEndOffset() >= offset, "the follower has it");
                assertTrue(p.leaders.agreesWith(p.followers, offset), "rule 1.3: and it is the leader's");
                p.counted = Math.max(p.counted, offset);
            }
        }

        final class FollowerPort implements FollowerLinkCore.Port {
            @Override
            public void send(LinkMessage message) {
                toLeader.add(message);
            }

            @Override
            public void deliver(Piece offsets, ByteBuffer batches, int credit, long run) {
                Partition p = partitions.get(offsets.partition());
                follower.at(p.key, -1, -1, -1, run, credit);
                Taken taken = batches.hasRemaining()
                        ? p.state.admit(offsets.leaderEpoch(), offsets.offset(), batches)
                        : Taken.KNOWN;
                if (taken == Taken.QUEUED) {
                    p.skipping = false;
                } else if (taken != Taken.KNOWN && !p.skipping) {
                    p.state.forgetQueued();
                    announce(p);
                }
                if (offsets.leaderEpoch() == p.state.leaderEpoch()) {
                    p.state.highWatermark(offsets.highWatermark());
                }
            }

            @Override
            public void diverged(Divergence divergence) {
                Partition p = partitions.get(divergence.partition());
                if (divergence.leaderEpoch() != p.state.leaderEpoch() || p.announce) {
                    return;
                }
                FollowerState.Cut cut = p.state.cut(divergence);
                if (cut.empty()) {
                    p.followers.startAt(cut.offset());
                } else {
                    p.followers.truncate(cut.offset());
                }
                open(p);
            }
        }
    }
}
