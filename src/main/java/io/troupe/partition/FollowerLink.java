package io.troupe.partition;

import io.troupe.partition.LinkMessage.Divergence;
import io.troupe.partition.LinkMessage.Piece;
import io.troupe.partition.LinkMessage.Records;
import io.troupe.partition.LinkMessage.Restart;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * The follower's end of the link to one other broker: carries out what its {@link FollowerLinkCore} decides. Child of
 * {@link ReplicaLinks}, under a name by which the other broker finds it.
 */
final class FollowerLink extends AbstractBehavior<FollowerLink.Command> {
    /** Its own protocol, and what comes from the other broker. */
    interface Command {}

    /** The other broker's end may be reached there; null when nobody knows where. */
    record Peer(ActorRef<LeaderLink.Command> leader) implements Command {}

    /** @see FollowerLinkCore#follow */
    record Follow(
            PartitionKey partition,
            long brokerEpoch,
            int leaderEpoch,
            long offset,
            int lastEpoch,
            ActorRef<Replica.Command> follower)
            implements Command {}

    /** Only when {@code follower} is the one that follows. */
    record Unfollow(PartitionKey partition, ActorRef<Replica.Command> follower) implements Command {}

    /** @see FollowerLinkCore#at */
    record At(PartitionKey partition, int leaderEpoch, long offset, int lastEpoch, long run, int credit)
            implements Command {}

    private enum Own implements Command {
        FLUSH,
        TICK
    }

    private static final Duration TICK = Duration.ofMillis(250);

    private final TimerScheduler<Command> timers;
    private final Map<PartitionKey, ActorRef<Replica.Command>> followers = new HashMap<>();
    private final FollowerLinkCore core;
    private final Gathering<Command> gathering;
    private ActorRef<LeaderLink.Command> leader;

    private FollowerLink(
            ActorContext<Command> context, TimerScheduler<Command> timers, int brokerId, Throttle throttle) {
        super(context);
        this.timers = timers;
        this.core = new FollowerLinkCore(brokerId, new Ports(), throttle);
        this.gathering = new Gathering<>(context.getSelf(), Own.FLUSH, core::hasToSend);
    }

    /** @param brokerId this broker */
    static Behavior<Command> create(int brokerId, Throttle throttle) {
        return Behaviors.setup(
                context -> Behaviors.withTimers(timers -> new FollowerLink(context, timers, brokerId, throttle)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Records.class, this::onRecords)
                .onMessage(At.class, this::onAt)
                .onMessageEquals(Own.FLUSH, this::onFlush)
                .onMessage(Follow.class, this::onFollow)
                .onMessage(Unfollow.class, this::onUnfollow)
                .onMessage(Restart.class, this::onRestart)
                .onMessage(Peer.class, this::onPeer)
                .onMessageEquals(Own.TICK, this::onTick)
                .build();
    }

    private Behavior<Command> onRecords(Records records) {
        core.records(records, nowMs());
        return flushSoon();
    }

    private Behavior<Command> onAt(At at) {
        core.at(at.partition(), at.leaderEpoch(), at.offset(), at.lastEpoch(), at.run(), at.credit());
        return flushSoon();
    }

    private Behavior<Command> onFollow(Follow follow) {
        followers.put(follow.partition(), follow.follower());
        core.follow(
                follow.partition(),
                follow.brokerEpoch(),
                follow.leaderEpoch(),
                follow.offset(),
                follow.lastEpoch(),
                nowMs());
        if (!timers.isTimerActive(Own.TICK)) {
            timers.startTimerWithFixedDelay(Own.TICK, TICK);
        }
        return flushSoon();
    }

    private Behavior<Command> onUnfollow(Unfollow unfollow) {
        if (followers.remove(unfollow.partition(), unfollow.follower())) {
            core.unfollow(unfollow.partition());
        }
        return flushSoon();
    }

    private Behavior<Command> onRestart(Restart restart) {
        core.restart(restart, nowMs());
        return flushSoon();
    }

    private Behavior<Command> onPeer(Peer peer) {
        leader = peer.leader();
        core.restart(nowMs());
        return flushSoon();
    }

    private Behavior<Command> onTick() {
        core.tick(nowMs());
        if (!core.isLive()) {
            timers.cancel(Own.TICK);
        }
        return flushSoon();
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

    private static long nowMs() {
        return System.nanoTime() / 1_000_000;
    }

    private final class Ports implements FollowerLinkCore.Port {
        @Override
        public void send(LinkMessage message) {
            if (leader != null) {
                leader.tell((LinkMessage.Positions) message);
            }
        }

        @Override
        public void deliver(Piece offsets, ByteBuffer batches, int credit, long run) {
            ActorRef<Replica.Command> follower = followers.get(offsets.partition());
            follower.tell(new ReplicaActor.Replicate(
                    offsets.leaderEpoch(),
                    offsets.offset(),
                    batches,
                    offsets.highWatermark(),
                    offsets.logStartOffset(),
                    run,
                    credit,
                    getContext().getSelf()));
        }

        @Override
        public void diverged(Divergence divergence) {
            followers.get(divergence.partition()).tell(new ReplicaActor.Diverged(divergence));
        }
    }
}
