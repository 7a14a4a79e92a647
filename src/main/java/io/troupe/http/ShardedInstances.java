package io.troupe.http;

import java.time.Duration;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.sharding.ShardCoordinator;
import org.apache.pekko.cluster.sharding.typed.ClusterShardingSettings;
import org.apache.pekko.cluster.sharding.typed.HashCodeMessageExtractor;
import org.apache.pekko.cluster.sharding.typed.ShardingEnvelope;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.dispatch.Futures;
import scala.collection.immutable.IndexedSeq;
import scala.concurrent.Future;

/**
 * Consumer instances as Cluster Sharding entities on the brokers that serve HTTP (cluster role {@link HttpService#ROLE}). An instance runs
 * from its first request on, on whichever of them its shard is; shards move only when their broker goes. It runs there once it is
 * removed from the cluster, so a request may wait for that.
 */
final class ShardedInstances implements Instances {
    private static final EntityTypeKey<InstanceMessage> TYPE_KEY =
            EntityTypeKey.create(InstanceMessage.class, "consumer-instance");
    private static final int SHARDS = 64;
    /** For the first attempt; none of them waits for anything but a write or two, and where a broker died, the next one mostly is there by then. */
    private static final int ATTEMPT_MS = 1000;
    /** Each takes longer than the one before, up to this. */
    private static final int MOST_ATTEMPT_MS = 3000;

    private static final int PAUSE_MS = 200;

    private final ActorSystem<?> system;
    private volatile ActorRef<ShardingEnvelope<InstanceMessage>> region;

    private ShardedInstances(ActorSystem<?> system) {
        this.system = system;
    }

    /** Once per actor system, on each that serves HTTP: one of them has the shards' coordinator. */
    static ShardedInstances start(ActorSystem<?> system, String dispatcher, InstanceActor.Parts parts) {
        ShardedInstances instances = new ShardedInstances(system);
        instances.region = ClusterSharding.get(system)
                .init(Entity.of(TYPE_KEY, entity -> {
                            InstanceActor.Shard shard = instances.shard(entity.getShard());
                            return InstanceActor.create(InstanceId.ofEntity(entity.getEntityId()), parts, shard);
                        })
                        .withMessageExtractor(new HashCodeMessageExtractor<InstanceMessage>(SHARDS))
                        .withEntityProps(DispatcherSelector.fromConfig(dispatcher))
                        .withSettings(ClusterShardingSettings.create(system)
                                .withRole(HttpService.ROLE)
                                .withNoPassivationStrategy())
                        .withAllocationStrategy(new FewestShards(system))
                        .withStopMessage(InstanceActor.Stop.STOP));
        Duration interval = Duration.ofMillis(parts.timeoutMs());
        system.scheduler()
                .scheduleWithFixedDelay(
                        interval,
                        interval,
                        () -> instances.touch(parts.calls()),
                        system.dispatchers().lookup(DispatcherSelector.fromConfig(dispatcher)));
        return instances;
    }

    /** Those whose broker has gone, and that nobody asked for since, would stay in the records for good. */
    private void touch(InstanceCalls calls) {
        calls.ledHere()
                .thenAccept(ids -> ids.forEach(id -> region.tell(new ShardingEnvelope<>(
                        id.entityId(), new InstanceActor.Ask(system.ignoreRef(), new InstanceAction.Touch())))));
    }

    private InstanceActor.Shard shard(ActorRef<ClusterSharding.ShardCommand> shard) {
        return new InstanceActor.Shard() {
            @Override
            public void passivate(ActorRef<InstanceMessage> instance) {
                shard.tell(new ClusterSharding.Passivate<>(instance));
            }

            @Override
            public void again(InstanceId id, InstanceActor.Ask ask) {
                region.tell(new ShardingEnvelope<>(id.entityId(), ask));
            }

            @Override
            public boolean isGone(ActorRef<InstanceReply> replyTo) {
                Address broker = replyTo.path().address();
                if (broker.hasLocalScope()) {
                    return false;
                }
                for (Member member : Cluster.get(system).state().getMembers()) {
                    if (member.address().equals(broker)) {
                        return member.status() == MemberStatus.down();
                    }
                }
                return true;
            }
        };
    }

    @Override
    public CompletionStage<InstanceReply> ask(InstanceId id, InstanceAction action, int timeoutMs) {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        return whilePassing(() -> ask(id, action, deadline, 1), action, deadline)
                .thenApply(ShardedInstances::notRefused);
    }

    /** What passes by itself, as while a broker stops or a leader moves, nobody need be told of; but a broker that is full stays so. */
    static CompletionStage<InstanceReply> whilePassing(
            Supplier<CompletionStage<InstanceReply>> attempt, InstanceAction action, long deadlineNanos) {
        return attempt.get().thenCompose(reply -> {
            boolean passes = reply instanceof InstanceReply.Refused refused
                    && refused.errorCode() == HttpFailure.RETRIABLE
                    && !(action instanceof InstanceAction.Create)
                    && System.nanoTime() < deadlineNanos;
            if (!passes) {
                return CompletableFuture.completedFuture(reply);
            }
            Executor later = CompletableFuture.delayedExecutor(PAUSE_MS, TimeUnit.MILLISECONDS);
            return CompletableFuture.runAsync(() -> {}, later)
                    .thenCompose(none -> whilePassing(attempt, action, deadlineNanos));
        });
    }

    private CompletionStage<InstanceReply> ask(InstanceId id, InstanceAction action, long deadlineNanos, int attempts) {
        long leftMs = Math.max(1, TimeUnit.NANOSECONDS.toMillis(deadlineNanos - System.nanoTime()));
        CompletionStage<InstanceReply> attempt = AskPattern.ask(
                region,
                replyTo -> new ShardingEnvelope<>(id.entityId(), new InstanceActor.Ask(replyTo, action)),
                Duration.ofMillis(Math.min(leftMs, Math.min(MOST_ATTEMPT_MS, attempts * ATTEMPT_MS))),
                system.scheduler());
        return attempt.exceptionallyCompose(failure -> {
                    if (!(HttpFailure.cause(failure) instanceof TimeoutException)) {
                        throw new CompletionException(HttpFailure.cause(failure));
                    } else if (System.nanoTime() >= deadlineNanos) {
                        throw HttpFailure.tryAgain("The consumer instance's broker did not answer in time.");
                    }
                    return ask(id, action, deadlineNanos, attempts + 1);
                })
                .thenApply(reply -> attempts > 1 && action instanceof InstanceAction.Delete && isGone(reply)
                        ? new InstanceReply.Done()
                        : reply);
    }

    /** The one before, which was not answered, has done it. */
    private static boolean isGone(InstanceReply reply) {
        return reply instanceof InstanceReply.Refused refused && refused.errorCode() == HttpFailure.UNKNOWN_INSTANCE;
    }

    static InstanceReply notRefused(InstanceReply reply) {
        if (reply instanceof InstanceReply.Refused refused) {
            throw refused.failure();
        }
        return reply;
    }

    /** A new shard goes to the broker that has fewest; where one is it stays, as its instances would begin anew elsewhere. */
    static final class FewestShards extends ShardCoordinator.AbstractShardAllocationStrategy {
        private final Cluster cluster;

        FewestShards(ActorSystem<?> system) {
            this.cluster = Cluster.get(system);
        }

        @Override
        public Future<org.apache.pekko.actor.ActorRef> allocateShard(
                org.apache.pekko.actor.ActorRef requester,
                String shardId,
                Map<org.apache.pekko.actor.ActorRef, IndexedSeq<String>> allocations) {
            org.apache.pekko.actor.ActorRef fewest = requester;
            int least = Integer.MAX_VALUE;
            Set<Address> away = new HashSet<>();
            cluster.state().getUnreachable().forEach(member -> away.add(member.address()));
            for (Map.Entry<org.apache.pekko.actor.ActorRef, IndexedSeq<String>> region : allocations.entrySet()) {
                boolean isAway = away.contains(region.getKey().path().address());
                if (!isAway && region.getValue().size() < least) {
                    least = region.getValue().size();
                    fewest = region.getKey();
                }
            }
            return Futures.successful(fewest);
        }

        @Override
        public Future<Set<String>> rebalance(
                Map<org.apache.pekko.actor.ActorRef, IndexedSeq<String>> allocations, Set<String> rebalanceInProgress) {
            return Futures.successful(Set.of());
        }
    }
}
