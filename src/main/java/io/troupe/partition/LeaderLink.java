package io.troupe.partition;

import io.troupe.journal.LogAppend;
import io.troupe.journal.LogReader;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import io.troupe.partition.LinkMessage.Positions;
import io.troupe.partition.LinkReads.Chunk;
import io.troupe.record.BatchHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * The leader's end of the link to one other broker: carries out what its {@link LeaderLinkCore} decides. Child of
 * {@link ReplicaLinks}, under a name by which the other broker finds it. Reads go on threads that may wait for a disk.
 */
final class LeaderLink extends AbstractBehavior<LeaderLink.Command> {
    /** Its own protocol, and what comes from the other broker. */
    interface Command {}

    /** The other broker's end may be reached there; null when nobody knows where. */
    record Peer(ActorRef<FollowerLink.Command> follower) implements Command {}

    /** This broker leads a partition in a new epoch. */
    record Leads(PartitionKey partition) implements Command {}

    /** @see LeaderLinkCore#appended */
    record Appended(PartitionKey partition, int leaderEpoch, LogAppend group) implements Command {}

    /** @see LeaderLinkCore#moved */
    record Moved(PartitionKey partition) implements Command {}

    /** @see LeaderLinkCore#tellSoon */
    record HighWatermarkMoved(PartitionKey partition) implements Command {}

    /** The other broker's epoch has changed in committed metadata. */
    enum FollowerRegistered implements Command {
        FOLLOWER_REGISTERED
    }

    /** @param large the rest of a large batch, null when there is none; to be kept or closed */
    private record WasRead(PartitionKey partition, long run, Chunk chunk, Large large, Exception failure)
            implements Command {}

    private enum Own implements Command {
        FLUSH,
        BEAT
    }

    /** A large batch that is sent piece by piece. */
    private record Large(long run, LogReader.InFile batch, long offset, long endOffset) {}

    private static final Duration BEAT = Duration.ofMillis(500);

    private final TimerScheduler<Command> timers;
    private final int brokerId;
    private final int followerId;
    private final LocalReplicas replicas;
    private final MetadataCache metadata;
    private final Executor reads;
    private final LeaderLinkCore core;
    private final Gathering<Command> gathering;
    private final Map<PartitionKey, Large> larges = new HashMap<>();
    private ActorRef<FollowerLink.Command> follower;

    private LeaderLink(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            int brokerId,
            int followerId,
            LocalReplicas replicas,
            MetadataCache metadata,
            Throttle throttle,
            Executor reads) {
        super(context);
        this.timers = timers;
        this.brokerId = brokerId;
        this.followerId = followerId;
        this.replicas = replicas;
        this.metadata = metadata;
        this.reads = reads;
        this.core = new LeaderLinkCore(brokerId, new Ports(), throttle);
        this.gathering = new Gathering<>(context.getSelf(), Own.FLUSH, core::hasToSend);
    }

    /**
     * @param brokerId this broker
     * @param followerId the other
     * @param reads threads that may wait for a disk
     */
    static Behavior<Command> create(
            int brokerId,
            int followerId,
            LocalReplicas replicas,
            MetadataCache metadata,
            Throttle throttle,
            Executor reads) {
        return Behaviors.setup(context -> Behaviors.withTimers(
                timers -> new LeaderLink(context, timers, brokerId, followerId, replicas, metadata, throttle, reads)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Appended.class, this::onAppended)
                .onMessage(Positions.class, this::onPositions)
                .onMessageEquals(Own.FLUSH, this::onFlush)
                .onMessage(WasRead.class, this::onRead)
                .onMessage(Moved.class, this::onMoved)
                .onMessage(HighWatermarkMoved.class, this::onHighWatermarkMoved)
                .onMessage(Leads.class, this::onLeads)
                .onMessageEquals(FollowerRegistered.FOLLOWER_REGISTERED, this::onFollowerRegistered)
                .onMessage(Peer.class, this::onPeer)
                .onMessageEquals(Own.BEAT, this::onBeat)
                .onSignal(PostStop.class, signal -> onPostStop())
                .build();
    }

    private Behavior<Command> onAppended(Appended appended) {
        core.appended(appended.partition(), appended.leaderEpoch(), appended.group());
        return flushSoon();
    }

    private Behavior<Command> onPositions(Positions positions) {
        if (positions.follower() == followerId) {
            core.positions(positions, nowMs());
            if (core.isLive() && !timers.isTimerActive(Own.BEAT)) {
                timers.startTimerWithFixedDelay(Own.BEAT, BEAT);
            }
        }
        return flushSoon();
    }

    private Behavior<Command> onRead(WasRead read) {
        if (read.failure() != null && core.isCurrent(read.partition(), read.run())) {
            getContext()
                    .getLog()
                    .warn(
                            "{} cannot be read for broker {}: {}",
                            read.partition(),
                            followerId,
                            read.failure().toString());
        }
        if (read.large() != null) {
            Large before = larges.put(read.partition(), read.large());
            if (before != null && before.batch().file() != read.large().batch().file()) {
                close(before);
            }
        }
        core.read(read.partition(), read.run(), read.chunk());
        Large kept = larges.get(read.partition());
        if (kept != null && !core.needsMore(read.partition(), kept.run())) {
            letGo(read.partition());
        }
        return flushSoon();
    }

    private Behavior<Command> onMoved(Moved moved) {
        core.moved(moved.partition());
        return flushSoon();
    }

    private Behavior<Command> onHighWatermarkMoved(HighWatermarkMoved moved) {
        core.tellSoon(moved.partition());
        return flushSoon();
    }

    private Behavior<Command> onLeads(Leads leads) {
        core.leads(leads.partition());
        return flushSoon();
    }

    private Behavior<Command> onFollowerRegistered() {
        core.followerRegistered();
        return flushSoon();
    }

    private Behavior<Command> onPeer(Peer peer) {
        follower = peer.follower();
        core.greet();
        return this;
    }

    private Behavior<Command> onBeat() {
        core.beat(nowMs());
        if (!core.isLive()) {
            timers.cancel(Own.BEAT);
        }
        return this;
    }

    private Behavior<Command> flushSoon() {
        gathering.more();
        return this;
    }

    private Behavior<Command> onFlush() {
        gathering.over();
        core.flush();
        return this;
    }

    private Behavior<Command> onPostStop() {
        larges.values().forEach(LeaderLink::close);
        larges.clear();
        return this;
    }

    private void letGo(PartitionKey partition) {
        Large large = larges.remove(partition);
        if (large != null) {
            close(large);
        }
    }

    private static void close(Large large) {
        try {
            large.batch().file().close();
        } catch (IOException e) {
            // It was only read.
        }
    }

    private static long nowMs() {
        return System.nanoTime() / 1_000_000;
    }

    private final class Ports implements LeaderLinkCore.Port {
        @Override
        public LogView view(PartitionKey partition) {
            LocalReplicas.Leader leader = replicas.leader(partition.topicId(), partition.partition());
            return leader == null ? null : leader.view();
        }

        @Override
        public long followerEpoch() {
            return epochOf(followerId);
        }

        @Override
        public long ownEpoch() {
            return epochOf(brokerId);
        }

        private long epochOf(int id) {
            return metadata.current().broker(id).map(BrokerImage::brokerEpoch).orElse(-1L);
        }

        @Override
        public void send(LinkMessage message) {
            if (follower != null) {
                follower.tell((FollowerLink.Command) message);
            }
        }

        @Override
        public void read(PartitionKey partition, long run, LogView view, long offset, int maxBytes) {
            beside(partition, run, () -> readBatches(partition, run, view, offset, maxBytes));
        }

        @Override
        public void readOn(PartitionKey partition, long run) {
            Large large = larges.get(partition);
            int at = core.largeAtOf(partition);
            beside(partition, run, () -> readPiece(partition, run, large, at));
        }

        private void beside(PartitionKey partition, long run, Supplier<WasRead> read) {
            ActorRef<Command> self = getContext().getSelf();
            try {
                reads.execute(() -> self.tell(read.get()));
            } catch (RejectedExecutionException e) {
                // The broker is stopping, and its threads have gone before its links.
                self.tell(new WasRead(partition, run, null, null, e));
            }
        }

        @Override
        public void letGo(PartitionKey partition) {
            LeaderLink.this.letGo(partition);
        }

        @Override
        public void followerAt(PartitionKey partition, int leaderEpoch, long brokerEpoch, long offset) {
            LocalReplicas.Leader leader = replicas.leader(partition.topicId(), partition.partition());
            if (leader != null) {
                leader.replica()
                        .tell(new ReplicaActor.FollowerAt(
                                followerId,
                                brokerEpoch,
                                leaderEpoch,
                                offset,
                                getContext().getSelf()));
            }
        }
    }

    private static WasRead readBatches(PartitionKey partition, long run, LogView view, long offset, int maxBytes) {
        try {
            LogReader.Slice slice = view.reader()
                    .slice(offset, view.logEndOffset(), maxBytes, true, LinkOutbox.MESSAGE_BYTES, ByteBuffer::allocate);
            if (slice instanceof LogReader.InFile file) {
                return readFirstPiece(partition, run, file, offset);
            }
            ByteBuffer batches = ((LogReader.InMemory) slice).batches();
            long end = batches.hasRemaining() ? BatchHeader.endOffset(batches) : offset;
            return new WasRead(partition, run, new Chunk(offset, end, batches.remaining(), 0, batches), null, null);
        } catch (IOException | RuntimeException e) {
            return new WasRead(partition, run, null, null, e);
        }
    }

    private static WasRead readFirstPiece(PartitionKey partition, long run, LogReader.InFile file, long offset) {
        Large large = new Large(run, file, offset, -1);
        try {
            ByteBuffer header = ByteBuffer.allocate(BatchHeader.SIZE);
            file.read(header, 0);
            large = new Large(run, file, offset, BatchHeader.lastOffset(header, 0) + 1);
        } catch (IOException | RuntimeException e) {
            return new WasRead(partition, run, null, large, e);
        }
        return readPiece(partition, run, large, 0);
    }

    private static WasRead readPiece(PartitionKey partition, long run, Large large, int at) {
        try {
            int total = large.batch().sizeInBytes();
            ByteBuffer piece = ByteBuffer.allocate(Math.min(LinkOutbox.MESSAGE_BYTES, total - at));
            large.batch().read(piece, at);
            Chunk chunk = new Chunk(large.offset(), large.endOffset(), total, at, piece.flip());
            return new WasRead(partition, run, chunk, large, null);
        } catch (IOException | RuntimeException e) {
            return new WasRead(partition, run, null, large, e);
        }
    }
}
