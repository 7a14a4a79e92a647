package io.troupe.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.stream.OverflowStrategy;
import org.apache.pekko.stream.javadsl.Flow;
import org.apache.pekko.stream.javadsl.Keep;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.stream.javadsl.SourceQueueWithComplete;

/**
 * Pekko Streams over the actors: a source over a {@link ConsumerActor}, a flow and a sink over a {@link ProducerActor}.
 *
 * <p>A topic's records worked on and written to another, at least once:
 *
 * <pre>{@code
 * ActorRef<ProducerActor.Command<String, String>> producer = context.spawn(ProducerActor.create(producerSettings), "producer");
 * Streams.Control control = Streams.source(system, consumerSettings, Subscription.topics("in"))
 *     .map(in -> Streams.outgoing(new ProducerRecord<>("out", in.record().key(), work(in.record().value())), in))
 *     .via(Streams.flow(system, producer))
 *     .to(Sink.foreach(Incoming::acknowledge))
 *     .run(system);
 * }</pre>
 */
public final class Streams {
    /** Deliveries that wait in a source for its stream; each partition's share of records is bounded by its settings. */
    private static final int DELIVERIES = 16;

    /** Partitions' deliveries that may wait to be among those; far above what the bounds of the settings allow in practice. */
    private static final int OFFERS = 1 << 20;

    private static final int RECORDS_AT_ONCE = 1_000;
    private static final int SENDS_AT_ONCE = 8;
    private static final Duration ROOM_PAUSE = Duration.ofMillis(20);

    private static final AtomicInteger NAMES = new AtomicInteger();

    /** A record from a source; {@link #acknowledge} it when it is done, in any order and from any thread. */
    public record Incoming<K, V>(ConsumerRecord<K, V> record, Delivery<K, V> delivery) {
        /** That it is done, so that it may be committed. The source goes on reading a partition only as this is called. */
        public void acknowledge() {
            delivery.acknowledge(record.offset());
        }
    }

    /** A record to send, and what shall come out of the flow when it is sent. */
    public record Outgoing<K, V, P>(ProducerRecord<K, V> record, P passThrough) {}

    /** Ends a source. */
    public interface Control {
        /**
         * Reads no more, lets what was read go through the stream, waits up to {@code drainTimeoutMs} for its acknowledgement, commits, leaves the group.
         *
         * @return completed when all that is done
         */
        CompletionStage<Done> stop();
    }

    /** A record could not be sent. */
    public static final class SendException extends RuntimeException {
        private static final long serialVersionUID = 1;

        private final transient Failure failure;

        SendException(Failure failure) {
            super(failure.kind() + ": " + failure.message());
            this.failure = failure;
        }

        /** Why; null after this was serialized. */
        public Failure failure() {
            return failure;
        }
    }

    /**
     * The records of a subscription; those of one partition in order. Each run of it is a consumer of its own. Back-pressure: what the stream has not
     * acknowledged counts as outstanding, see {@link ConsumerSettings}. When the stream is cancelled or fails, what was acknowledged is committed; when the
     * consumer's settings turn out wrong, the stream fails.
     */
    public static <K, V> Source<Incoming<K, V>, Control> source(
            ActorSystem<?> system, ConsumerSettings<K, V> settings, Subscription subscription) {
        return source(system, handlers -> ConsumerActor.create(settings, subscription, handlers));
    }

    static <K, V> Source<Incoming<K, V>, Control> source(
            ActorSystem<?> system,
            Function<Function<TopicPartition, Behavior<Delivery<K, V>>>, Behavior<ConsumerActor.Command>> consumer) {
        return Source.<Delivery<K, V>>queue(DELIVERIES, OverflowStrategy.backpressure(), OFFERS)
                .mapMaterializedValue(queue -> run(system, queue, consumer))
                .mapConcat(delivery -> {
                    List<Incoming<K, V>> records =
                            new ArrayList<>(delivery.records().size());
                    delivery.records().forEach(record -> records.add(new Incoming<>(record, delivery)));
                    return records;
                });
    }

    private static <K, V> Control run(
            ActorSystem<?> system,
            SourceQueueWithComplete<Delivery<K, V>> queue,
            Function<Function<TopicPartition, Behavior<Delivery<K, V>>>, Behavior<ConsumerActor.Command>> create) {
        // An offer waits in the stream until there is demand; nobody needs to wait for it here, for what waits is
        // outstanding and so bounded.
        Behavior<ConsumerActor.Command> consumer = create.apply(partition -> Behaviors.receiveMessage(delivery -> {
            queue.offer(delivery);
            return Behaviors.same();
        }));
        CompletableFuture<Done> ended = new CompletableFuture<>();
        ActorRef<ConsumerActor.Stop> guardian = system.systemActorOf(
                guardian(consumer, queue, ended), "stream-consumer-" + NAMES.incrementAndGet(), Props.empty());
        ActorRef<Done> nobody = system.ignoreRef();
        // The stream takes no more, or has all that was read; what it still acknowledges the stop waits for.
        queue.watchCompletion().whenComplete((done, e) -> guardian.tell(new ConsumerActor.Stop(nobody)));
        return () -> {
            queue.complete();
            return ended;
        };
    }

    /** Keeps a consumer for a stream, and ends the stream with it. */
    private static Behavior<ConsumerActor.Stop> guardian(
            Behavior<ConsumerActor.Command> consumer, SourceQueueWithComplete<?> queue, CompletableFuture<Done> ended) {
        return Behaviors.setup(context -> {
            ActorRef<ConsumerActor.Command> child = context.spawn(consumer, "consumer");
            context.watch(child);
            return Behaviors.receive(ConsumerActor.Stop.class)
                    .onMessage(ConsumerActor.Stop.class, stop -> {
                        child.tell(stop);
                        return Behaviors.same();
                    })
                    .onSignal(ChildFailed.class, failed -> {
                        queue.fail(failed.cause());
                        ended.completeExceptionally(failed.cause());
                        return Behaviors.stopped();
                    })
                    .onSignal(Terminated.class, terminated -> {
                        queue.complete();
                        ended.complete(Done.getInstance());
                        return Behaviors.stopped();
                    })
                    .build();
        });
    }

    /** What {@link #flow} takes. */
    public static <K, V, P> Outgoing<K, V, P> outgoing(ProducerRecord<K, V> record, P passThrough) {
        return new Outgoing<>(record, passThrough);
    }

    /**
     * Sends records and emits, in their order, what was to be passed through, each when its record is acknowledged. As many records as have come go to the
     * producer together, at most {@value #RECORDS_AT_ONCE}, and {@value #SENDS_AT_ONCE} such groups are under way. While the producer refuses, because others keep it busy,
     * the stream waits. A record that fails fails the stream with a {@link SendException}; records behind it may have been sent.
     */
    public static <K, V, P> Flow<Outgoing<K, V, P>, P, NotUsed> flow(
            ActorSystem<?> system, ActorRef<ProducerActor.Command<K, V>> producer) {
        return Flow.<Outgoing<K, V, P>>create()
                .batch(RECORDS_AT_ONCE, Streams::listOf, Streams::added)
                .mapAsync(SENDS_AT_ONCE, group -> send(system, producer, group))
                .mapConcat(passed -> passed);
    }

    /** Sends records; completed when the last one is acknowledged, failed as {@link #flow} is. */
    public static <K, V> Sink<ProducerRecord<K, V>, CompletionStage<Done>> sink(
            ActorSystem<?> system, ActorRef<ProducerActor.Command<K, V>> producer) {
        return Flow.<ProducerRecord<K, V>>create()
                .map(record -> outgoing(record, Done.getInstance()))
                .via(flow(system, producer))
                .toMat(Sink.ignore(), Keep.right());
    }

    private static <T> List<T> listOf(T first) {
        List<T> list = new ArrayList<>();
        list.add(first);
        return list;
    }

    private static <T> List<T> added(List<T> list, T next) {
        list.add(next);
        return list;
    }

    private static <K, V, P> CompletionStage<List<P>> send(
            ActorSystem<?> system, ActorRef<ProducerActor.Command<K, V>> producer, List<Outgoing<K, V, P>> group) {
        List<ProducerRecord<K, V>> records =
                group.stream().map(Outgoing::record).toList();
        return ask(system, producer, records).thenCompose(all -> {
            for (SendResult result : all.results()) {
                if (result instanceof SendResult.Refused) {
                    // All are refused or none.
                    CompletableFuture<Done> pause = new CompletableFuture<>();
                    system.scheduler()
                            .scheduleOnce(
                                    ROOM_PAUSE, () -> pause.complete(Done.getInstance()), system.executionContext());
                    return pause.thenCompose(done -> send(system, producer, group));
                }
                if (result instanceof SendResult.Failed failed) {
                    return CompletableFuture.failedStage(new SendException(failed.failure()));
                }
            }
            return CompletableFuture.completedStage(
                    group.stream().map(Outgoing::passThrough).toList());
        });
    }

    /** Every message to a producer is answered within Kafka's own time-outs, so this one only stands for a producer that is gone. */
    private static <K, V> CompletionStage<SendResult.All> ask(
            ActorSystem<?> system, ActorRef<ProducerActor.Command<K, V>> producer, List<ProducerRecord<K, V>> records) {
        return AskPattern.ask(
                producer,
                (ActorRef<SendResult.All> replyTo) -> new ProducerActor.SendAll<>(records, replyTo),
                Duration.ofMinutes(10),
                system.scheduler());
    }

    private Streams() {}
}
