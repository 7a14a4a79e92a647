package io.troupe.client;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.StashBuffer;

/**
 * Topics, configurations and groups of a cluster. Every request is answered once with an {@link Outcome}, after at most the admin client's own time-outs
 * ({@code default.api.timeout.ms}, 60 s unless set). At most {@value #MAX_UNDER_WAY} requests are under way; what comes beyond is answered {@link
 * Failure.Kind#REFUSED}.
 *
 * <p>When Kafka's admin client cannot be made (an unknown host) the actor fails, and its parent's supervision decides.
 */
public final class AdminActor extends AbstractBehavior<AdminActor.Command> {
    /** Requests under way at a time. */
    public static final int MAX_UNDER_WAY = 1000;

    /** What one request, or its part about one name, came to. */
    public sealed interface Outcome<T> {}

    public record Succeeded<T>(T value) implements Outcome<T> {}

    public record Failed<T>(Failure failure) implements Outcome<T> {}

    /** The answer to a request about several things: what it came to for each. Has one entry for each thing that was asked for. */
    public record Outcomes<N, T>(Map<N, Outcome<T>> each) {
        public Outcomes {
            each = Map.copyOf(each);
        }
    }

    /** What it understands. */
    public sealed interface Command {}

    /** Makes topics; one that exists is a {@link Failure.Kind#CONFLICT}. Answered once the controller has decided; brokers hear of it a moment later. */
    public record CreateTopics(List<NewTopic> topics, ActorRef<Outcomes<String, Done>> replyTo) implements Command {}

    public record DeleteTopics(Set<String> topics, ActorRef<Outcomes<String, Done>> replyTo) implements Command {}

    /** Partitions, their leaders and replicas. */
    public record DescribeTopics(Set<String> topics, ActorRef<Outcomes<String, TopicDescription>> replyTo)
            implements Command {}

    /** The names of all topics but internal ones. */
    public record ListTopics(ActorRef<Outcome<Set<String>>> replyTo) implements Command {}

    /** Gives topics more partitions. @param totals per topic how many it shall have in all */
    public record AddPartitions(Map<String, Integer> totals, ActorRef<Outcomes<String, Done>> replyTo)
            implements Command {}

    /** The settings of topics, brokers or groups, defaults included. */
    public record DescribeConfigs(Set<ConfigResource> resources, ActorRef<Outcomes<ConfigResource, Config>> replyTo)
            implements Command {}

    /** Changes single settings and leaves the others (KIP-339). */
    public record AlterConfigs(
            Map<ConfigResource, Collection<AlterConfigOp>> changes, ActorRef<Outcomes<ConfigResource, Done>> replyTo)
            implements Command {}

    public record ListGroups(ActorRef<Outcome<Collection<GroupListing>>> replyTo) implements Command {}

    /** State, members and what they have. */
    public record DescribeGroups(Set<String> groups, ActorRef<Outcomes<String, ConsumerGroupDescription>> replyTo)
            implements Command {}

    /** Where a group stands: per partition the next offset to read. */
    public record ListGroupOffsets(String group, ActorRef<Outcome<Map<TopicPartition, OffsetAndMetadata>>> replyTo)
            implements Command {}

    /** Sets where a group stands, which must have no members. */
    public record AlterGroupOffsets(
            String group, Map<TopicPartition, OffsetAndMetadata> offsets, ActorRef<Outcome<Done>> replyTo)
            implements Command {}

    /** Forgets groups; one with members is a {@link Failure.Kind#CONFLICT}. */
    public record DeleteGroups(Set<String> groups, ActorRef<Outcomes<String, Done>> replyTo) implements Command {}

    /** Ends; what is under way is not answered any more. */
    public record Stop() implements Command {}

    private record Made(Admin admin, Throwable failure) implements Command {}

    /** From itself: a request has its answer. */
    private record Answered(Runnable tell) implements Command {}

    /** For what blocks once, at the beginning and the end. */
    private static final Executor OWN_THREAD = task -> {
        Thread thread = new Thread(task, "admin-actor");
        thread.setDaemon(true);
        thread.start();
    };

    /** Where the answer is only that it is done. */
    private static final Function<Void, Done> DONE = nothing -> Done.getInstance();

    private final Admin admin;
    private int underWay;

    private AdminActor(ActorContext<Command> context, Admin admin) {
        super(context);
        this.admin = admin;
    }

    /**
     * @param properties Kafka's own admin properties; {@code bootstrap.servers} at least
     * @throws IllegalArgumentException that names the property, its value and what is allowed
     */
    public static Behavior<Command> create(Map<String, String> properties) {
        Map<String, String> checked =
                Settings.kafka("admin settings", properties, Map.of(), AdminClientConfig.configDef());
        return create(() -> Admin.create(new HashMap<>(checked)));
    }

    static Behavior<Command> create(Supplier<Admin> factory) {
        return Behaviors.setup(context -> Behaviors.withStash(MAX_UNDER_WAY, stash -> {
            context.pipeToSelf(CompletableFuture.supplyAsync(factory, OWN_THREAD), Made::new);
            return starting(context, stash);
        }));
    }

    private static Behavior<Command> starting(ActorContext<Command> context, StashBuffer<Command> stash) {
        return Behaviors.receive(Command.class)
                .onMessage(Made.class, made -> {
                    if (made.failure() != null) {
                        throw new IllegalStateException(
                                "no admin client: " + Failure.of(made.failure()).message(), made.failure());
                    }
                    return stash.unstashAll(new AdminActor(context, made.admin()));
                })
                .onMessage(Stop.class, stop -> Behaviors.stopped())
                .onAnyMessage(command -> {
                    if (stash.isFull()) {
                        request(command, null).refuse(stash.size());
                    } else {
                        stash.stash(command);
                    }
                    return Behaviors.same();
                })
                .build();
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Answered.class, this::onAnswered)
                .onMessage(Stop.class, stop -> Behaviors.stopped())
                .onAnyMessage(this::onRequest)
                .onSignal(PostStop.class, signal -> close())
                .onSignal(PreRestart.class, signal -> close())
                .build();
    }

    private Behavior<Command> onAnswered(Answered answered) {
        underWay--;
        answered.tell().run();
        return this;
    }

    private Behavior<Command> close() {
        OWN_THREAD.execute(admin::close);
        return this;
    }

    private Behavior<Command> onRequest(Command command) {
        Request request = request(command, admin);
        if (underWay == MAX_UNDER_WAY) {
            request.refuse(underWay);
            return this;
        }
        underWay++;
        CompletionStage<Runnable> answer;
        try {
            answer = request.start().get();
        } catch (RuntimeException e) {
            answer = CompletableFuture.completedFuture(() -> request.fail().accept(Failure.of(e)));
        }
        getContext().pipeToSelf(answer, (tell, never) -> new Answered(tell));
        return this;
    }

    /**
     * What a command comes to.
     *
     * @param start asks Kafka's client and completes with what tells the answer; never fails later
     * @param fail tells that nothing of it was done
     */
    private record Request(Supplier<CompletionStage<Runnable>> start, Consumer<Failure> fail) {
        void refuse(int underWay) {
            fail.accept(new Failure(Failure.Kind.REFUSED, underWay + " requests are under way already"));
        }
    }

    /** @param admin touched only when the request is started */
    private static Request request(Command command, Admin admin) {
        if (command instanceof CreateTopics c) {
            List<String> names = c.topics().stream().map(NewTopic::name).toList();
            return each(names, () -> admin.createTopics(c.topics()).values(), DONE, c.replyTo());
        } else if (command instanceof DeleteTopics c) {
            return each(c.topics(), () -> admin.deleteTopics(c.topics()).topicNameValues(), DONE, c.replyTo());
        } else if (command instanceof DescribeTopics c) {
            return each(c.topics(), () -> admin.describeTopics(c.topics()).topicNameValues(), v -> v, c.replyTo());
        } else if (command instanceof ListTopics c) {
            return one(() -> admin.listTopics().names(), c.replyTo());
        } else if (command instanceof AddPartitions c) {
            Map<String, NewPartitions> totals = new HashMap<>();
            c.totals().forEach((topic, total) -> totals.put(topic, NewPartitions.increaseTo(total)));
            return each(totals.keySet(), () -> admin.createPartitions(totals).values(), DONE, c.replyTo());
        } else if (command instanceof DescribeConfigs c) {
            return each(
                    c.resources(), () -> admin.describeConfigs(c.resources()).values(), v -> v, c.replyTo());
        } else if (command instanceof AlterConfigs c) {
            Set<ConfigResource> names = c.changes().keySet();
            return each(names, () -> admin.incrementalAlterConfigs(c.changes()).values(), DONE, c.replyTo());
        } else if (command instanceof ListGroups c) {
            return one(() -> admin.listGroups().all(), c.replyTo());
        } else if (command instanceof DescribeGroups c) {
            return each(
                    c.groups(), () -> admin.describeConsumerGroups(c.groups()).describedGroups(), v -> v, c.replyTo());
        } else if (command instanceof ListGroupOffsets c) {
            return one(() -> admin.listConsumerGroupOffsets(c.group()).partitionsToOffsetAndMetadata(), c.replyTo());
        } else if (command instanceof AlterGroupOffsets c) {
            return one(
                    () -> admin.alterConsumerGroupOffsets(c.group(), c.offsets())
                            .all()
                            .thenApply(DONE::apply),
                    c.replyTo());
        } else if (command instanceof DeleteGroups c) {
            return each(c.groups(), () -> admin.deleteConsumerGroups(c.groups()).deletedGroups(), DONE, c.replyTo());
        }
        throw new IllegalArgumentException("not a request: " + command);
    }

    private static <T> Request one(Supplier<KafkaFuture<T>> ask, ActorRef<Outcome<T>> replyTo) {
        return new Request(
                () -> outcome(ask.get(), (T v) -> v).thenApply(outcome -> () -> replyTo.tell(outcome)),
                failure -> replyTo.tell(new Failed<>(failure)));
    }

    private static <N, V, T> Request each(
            Collection<N> names,
            Supplier<Map<N, KafkaFuture<V>>> ask,
            Function<V, T> value,
            ActorRef<Outcomes<N, T>> replyTo) {
        return new Request(
                () -> {
                    Map<N, CompletableFuture<Outcome<T>>> outcomes = new HashMap<>();
                    ask.get().forEach((name, future) -> outcomes.put(name, outcome(future, value)));
                    return CompletableFuture.allOf(outcomes.values().toArray(CompletableFuture[]::new))
                            .thenApply(all -> () -> {
                                Map<N, Outcome<T>> each = new HashMap<>();
                                outcomes.forEach((name, outcome) -> each.put(name, outcome.join()));
                                replyTo.tell(new Outcomes<>(each));
                            });
                },
                failure -> {
                    Map<N, Outcome<T>> each = new HashMap<>();
                    names.forEach(name -> each.put(name, new Failed<>(failure)));
                    replyTo.tell(new Outcomes<>(each));
                });
    }

    private static <V, T> CompletableFuture<Outcome<T>> outcome(KafkaFuture<V> future, Function<V, T> value) {
        CompletionStage<Outcome<T>> outcome = future.toCompletionStage()
                .handle((v, e) -> e == null ? new Succeeded<>(value.apply(v)) : new Failed<>(Failure.of(e)));
        return outcome.toCompletableFuture();
    }
}
