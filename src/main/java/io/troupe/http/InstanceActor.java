package io.troupe.http;

import io.troupe.http.InstanceAction.Place;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.StashBuffer;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A {@link ConsumerInstance} as a sharded entity: it reads its definition, then carries the core's wishes to {@link InstanceCalls} and
 * their results back. It does not live on without a definition.
 *
 * <pre>
 * loading --Loaded--> living --(unknown, deleted or expired)--> ended: asks its shard to stop it, and sends on whatever still comes
 *    |'-----not loaded: tries again
 *    '------not loaded for 30 s: answers 50003 and ends
 * </pre>
 */
final class InstanceActor {
    /** Requests that wait for the definition. */
    private static final int MOST_STASHED = 100;
    /** The records' leader may have died with the broker where the instance was; so long as another one takes over at the worst. */
    private static final int MOST_LOADS = 60;

    private static final Duration LOAD_PAUSE = Duration.ofMillis(500);

    private static final Logger log = LoggerFactory.getLogger(InstanceActor.class);

    /** From anywhere in the cluster. */
    record Ask(ActorRef<InstanceReply> replyTo, InstanceAction action) implements InstanceMessage {}

    /** What its shard says when it is to end. */
    enum Stop implements InstanceMessage {
        STOP
    }

    private record Loaded(InstanceDefinition definition, Throwable failure) implements InstanceMessage {}

    /** Something came of a wish. */
    private record Happened(Consumer<ConsumerInstance> what) implements InstanceMessage {}

    private enum Tick implements InstanceMessage {
        TICK
    }

    private enum LoadAgain implements InstanceMessage {
        LOAD_AGAIN
    }

    /**
     * What an instance needs of its node.
     *
     * @param living counts the instances here
     */
    record Parts(InstanceCalls calls, long timeoutMs, Living living) {}

    /** Its place in the cluster. */
    interface Shard {
        /** It wants to be stopped. */
        void passivate(ActorRef<InstanceMessage> instance);

        /** To the instance's next life. */
        void again(InstanceId id, Ask ask);

        /** Whether the broker where this is has left the cluster, or was taken out of it. */
        boolean isGone(ActorRef<InstanceReply> replyTo);
    }

    private final InstanceId id;
    private final Parts parts;
    private final Shard shard;
    private final ActorContext<InstanceMessage> context;
    private final TimerScheduler<InstanceMessage> timers;
    private ConsumerInstance instance;
    /** Who was last told where to read; null for nobody. */
    private ActorRef<InstanceReply> reader;

    private boolean counted;
    private int loads;

    private InstanceActor(
            InstanceId id,
            Parts parts,
            Shard shard,
            ActorContext<InstanceMessage> context,
            TimerScheduler<InstanceMessage> timers) {
        this.id = id;
        this.parts = parts;
        this.shard = shard;
        this.context = context;
        this.timers = timers;
    }

    static Behavior<InstanceMessage> create(InstanceId id, Parts parts, Shard shard) {
        return Behaviors.withStash(
                MOST_STASHED,
                stash -> Behaviors.setup(context -> Behaviors.withTimers(timers -> {
                    InstanceActor actor = new InstanceActor(id, parts, shard, context, timers);
                    actor.load();
                    return actor.loading(stash);
                })));
    }

    private void load() {
        loads++;
        context.pipeToSelf(parts.calls().load(id), Loaded::new);
    }

    private static long nowMs() {
        return System.nanoTime() / 1_000_000;
    }

    private Behavior<InstanceMessage> loading(StashBuffer<InstanceMessage> stash) {
        return Behaviors.receive(InstanceMessage.class)
                .onMessage(Ask.class, ask -> {
                    if (stash.isFull()) {
                        refuse(ask, "The consumer instance is being looked up.");
                    } else {
                        stash.stash(ask);
                    }
                    return Behaviors.same();
                })
                .onMessageEquals(LoadAgain.LOAD_AGAIN, () -> {
                    load();
                    return Behaviors.same();
                })
                .onMessage(Loaded.class, loaded -> {
                    if (loaded.failure() != null && loads < MOST_LOADS) {
                        timers.startSingleTimer(LoadAgain.LOAD_AGAIN, LoadAgain.LOAD_AGAIN, LOAD_PAUSE);
                        return Behaviors.same();
                    } else if (loaded.failure() != null) {
                        log.warn(
                                "Consumer instance {} could not be looked up: {}",
                                id,
                                HttpFailure.cause(loaded.failure()).toString());
                        stash.forEach(
                                message -> refuse((Ask) message, "The consumer instance could not be looked up."));
                        shard.passivate(context.getSelf());
                        return ended();
                    }
                    instance = new ConsumerInstance(
                            id, loaded.definition(), parts.timeoutMs(), parts.calls(), work(), nowMs());
                    count();
                    instance.tick(nowMs());
                    schedule();
                    return stash.unstashAll(living());
                })
                .onMessageEquals(Stop.STOP, Behaviors::stopped)
                .build();
    }

    private static void refuse(Ask ask, String why) {
        ask.replyTo().tell(InstanceReply.Refused.of(HttpFailure.tryAgain(why)));
    }

    private Behavior<InstanceMessage> living() {
        return Behaviors.receive(InstanceMessage.class)
                .onMessage(Ask.class, this::onAsk)
                .onMessage(Happened.class, happened -> {
                    happened.what().accept(instance);
                    return next();
                })
                .onMessageEquals(Tick.TICK, () -> {
                    instance.tick(nowMs());
                    return next();
                })
                .onMessageEquals(Stop.STOP, Behaviors::stopped)
                .onSignal(PostStop.class, stopped -> {
                    uncount();
                    return Behaviors.same();
                })
                .build();
    }

    private Behavior<InstanceMessage> onAsk(Ask ask) {
        if (instance.hasEnded()) {
            shard.again(id, ask);
            return Behaviors.same();
        }
        boolean isNew = ask.action() instanceof InstanceAction.Create && !instance.exists();
        if (isNew && !parts.living().hasRoom()) {
            refuse(ask, parts.living().full());
            instance.endIfUnused();
            return Behaviors.same();
        }
        if (reader != null && ask.action() instanceof InstanceAction.Read && shard.isGone(reader)) {
            instance.readerGone();
            reader = null;
        }
        instance.on(ask.action(), reply -> answer(ask, reply), nowMs());
        return next();
    }

    private void answer(Ask ask, InstanceReply reply) {
        if (reply instanceof InstanceReply.Granted) {
            reader = ask.replyTo();
        }
        ask.replyTo().tell(reply);
    }

    private Behavior<InstanceMessage> next() {
        count();
        if (instance.hasEnded()) {
            timers.cancel(Tick.TICK);
        } else {
            schedule();
        }
        return Behaviors.same();
    }

    /** Asks that come while the shard ends it. */
    private Behavior<InstanceMessage> ended() {
        return Behaviors.receive(InstanceMessage.class)
                .onMessage(Ask.class, ask -> {
                    shard.again(id, ask);
                    return Behaviors.same();
                })
                .onMessageEquals(Stop.STOP, Behaviors::stopped)
                .build();
    }

    private void count() {
        if (counted != instance.exists()) {
            counted = !counted;
            parts.living().changed(counted ? 1 : -1);
        }
    }

    private void uncount() {
        if (counted) {
            counted = false;
            parts.living().changed(-1);
        }
    }

    private void schedule() {
        long due = instance.dueMs();
        if (due == Long.MAX_VALUE) {
            timers.cancel(Tick.TICK);
        } else {
            timers.startSingleTimer(Tick.TICK, Tick.TICK, Duration.ofMillis(Math.max(1, due - nowMs())));
        }
    }

    private ConsumerInstance.Work work() {
        return new ConsumerInstance.Work() {
            @Override
            public void store(InstanceDefinition definition) {
                happens(parts.calls().store(id, definition), (done, failure) -> core -> core.stored(failure, nowMs()));
            }

            @Override
            public void heartbeat(long membership, ConsumerGroupHeartbeatRequestData request) {
                CompletionStage<ConsumerGroupHeartbeatResponseData> answer =
                        parts.calls().heartbeat(request);
                happens(answer, (data, failure) -> core -> {
                    if (failure == null) {
                        core.heartbeatAnswered(membership, data, nowMs());
                    } else {
                        core.heartbeatFailed(membership, nowMs());
                    }
                });
            }

            @Override
            public void commit(long number, int memberEpoch, List<Place> offsets) {
                String memberId = instance.memberId();
                happens(
                        parts.calls().commit(id.group(), memberId, memberEpoch, offsets),
                        (done, failure) -> core -> core.committed(number, failure, nowMs()));
            }

            @Override
            public void locate(long number, Map<TopicIdPartition, Long> where) {
                happens(parts.calls().locate(id.group(), instance.resetPolicy(), where), (found, failure) -> core -> {
                    InstanceCalls.Located located = failure == null ? found : InstanceCalls.Located.NOTHING;
                    core.located(number, located.offsets(), located.committed(), nowMs());
                });
            }

            @Override
            public void stop() {
                shard.passivate(context.getSelf());
            }
        };
    }

    private interface Result<T> {
        Consumer<ConsumerInstance> of(T value, HttpFailure failure);
    }

    private <T> void happens(CompletionStage<T> stage, Result<T> result) {
        context.pipeToSelf(stage, (value, thrown) -> new Happened(result.of(value, failure(thrown))));
    }

    private HttpFailure failure(Throwable thrown) {
        if (thrown == null) {
            return null;
        }
        HttpFailure failure = HttpFailure.of(thrown);
        if (failure == null) {
            log.error("Consumer instance {}: a request failed", id, HttpFailure.cause(thrown));
            return new HttpFailure(500, HttpFailure.BROKER_ERROR, "The broker failed; its log says why.");
        }
        return failure;
    }

    /** How many instances live on this node. Any thread. */
    static final class Living {
        private final AtomicInteger count = new AtomicInteger();
        private final int most;

        Living(int most) {
            this.most = most;
        }

        private void changed(int by) {
            count.addAndGet(by);
        }

        private boolean hasRoom() {
            return count.get() < most;
        }

        private String full() {
            return "The broker that is to run this instance runs " + most
                    + " already (troupe.http.max.consumer.instances); another name may come to another broker.";
        }
    }
}
