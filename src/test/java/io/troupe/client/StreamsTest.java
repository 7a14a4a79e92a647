package io.troupe.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.pekko.Done;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.stream.javadsl.Keep;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link Streams}: its sinks over the producer actor and Kafka's mock, its source over a stand-in for the consumer actor. */
@Timeout(300)
class StreamsTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final TopicPartition PARTITION = new TopicPartition("t", 0);

    private final MockProducer<byte[], byte[]> mock =
            new MockProducer<>(true, null, new ByteArraySerializer(), new ByteArraySerializer());

    @AfterAll
    static void stop() {
        KIT.shutdownTestKit();
    }

    private ActorRef<ProducerActor.Command<String, String>> producer(long maxWaitingBytes) {
        return KIT.spawn(ProducerActor.create(
                ProducerSettings.of("localhost:1", new StringSerializer(), new StringSerializer())
                        .withMaxWaitingBytes(maxWaitingBytes),
                () -> mock));
    }

    private static <T> T get(CompletionStage<T> stage) throws Exception {
        return stage.toCompletableFuture().get(60, TimeUnit.SECONDS);
    }

    private static Source<ProducerRecord<String, String>, ?> records(int count) {
        return Source.range(0, count - 1).map(i -> new ProducerRecord<>("t", 0, null, "v" + i));
    }

    /** Groups of records are refused at times, and come again: the stream waits for room. */
    @Test
    void aSinkSendsAllInOrder() throws Exception {
        ActorRef<ProducerActor.Command<String, String>> producer = producer(100);
        get(records(5_000).runWith(Streams.sink(KIT.system(), producer), KIT.system()));
        assertEquals(
                5_000,
                mock.history().stream()
                        .map(r -> new String(r.value()))
                        .distinct()
                        .count());
    }

    @Test
    void aFlowPassesThroughInOrderWhatWasSent() throws Exception {
        ActorRef<ProducerActor.Command<String, String>> producer = producer(1 << 20);
        List<Integer> passed = get(Source.range(1, 3_000)
                .map(i -> Streams.outgoing(new ProducerRecord<String, String>("t", "v" + i), i))
                .via(Streams.flow(KIT.system(), producer))
                .runWith(Sink.seq(), KIT.system()));
        assertEquals(IntStream.rangeClosed(1, 3_000).boxed().toList(), passed);
        assertEquals(3_000, mock.history().size());
    }

    @Test
    void aRecordThatFailsFailsTheStream() {
        mock.sendException = new RecordTooLargeException("too large it is");
        ActorRef<ProducerActor.Command<String, String>> producer = producer(1 << 20);
        ExecutionException e = assertThrows(
                ExecutionException.class,
                () -> get(records(1).runWith(Streams.sink(KIT.system(), producer), KIT.system())));
        Streams.SendException failed = assertInstanceOf(Streams.SendException.class, e.getCause());
        assertEquals(new Failure(Failure.Kind.TOO_LARGE, "too large it is"), failed.failure());
    }

    private final TestProbe<ConsumerActor.Acknowledged> acknowledged = KIT.createTestProbe();
    private final TestProbe<ConsumerActor.Command> stopped = KIT.createTestProbe();

    /** Delivers {@code count} records, one at a time, and ends when it is stopped. */
    private Source<Streams.Incoming<String, String>, Streams.Control> source(int count) {
        return Streams.source(
                KIT.system(),
                handlers -> Behaviors.setup(context -> {
                    ActorRef<Delivery<String, String>> handler = context.spawnAnonymous(handlers.apply(PARTITION));
                    for (int i = 0; i < count; i++) {
                        handler.tell(new Delivery<>(
                                PARTITION,
                                List.of(new ConsumerRecord<>("t", 0, i, "k", "v" + i)),
                                1,
                                acknowledged.getRef()));
                    }
                    return consumer();
                }));
    }

    private Behavior<ConsumerActor.Command> consumer() {
        return Behaviors.receiveMessage(command -> {
            stopped.getRef().tell(command);
            if (command instanceof ConsumerActor.Stop stop) {
                stop.replyTo().tell(Done.getInstance());
                return Behaviors.stopped();
            }
            throw new IllegalStateException("on purpose");
        });
    }

    @Test
    void aSourceEmitsInOrderAndItsStopLetsAllThrough() throws Exception {
        var running = source(100)
                .map(in -> {
                    in.acknowledge();
                    return in.record().offset();
                })
                .toMat(Sink.seq(), Keep.both())
                .run(KIT.system());
        assertEquals(100, acknowledged.receiveSeveralMessages(100).size());
        get(running.first().stop());
        assertEquals(java.util.stream.LongStream.range(0, 100).boxed().toList(), get(running.second()));
        stopped.expectMessageClass(ConsumerActor.Stop.class);
    }

    @Test
    void aStreamThatIsCancelledStopsItsConsumer() throws Exception {
        List<Long> first =
                get(source(100).map(in -> in.record().offset()).take(3).runWith(Sink.seq(), KIT.system()));
        assertEquals(List.of(0L, 1L, 2L), first);
        stopped.expectMessageClass(ConsumerActor.Stop.class);
    }

    @Test
    void aConsumerThatFailsFailsTheStream() {
        Source<Streams.Incoming<String, String>, Streams.Control> failing = Streams.source(
                KIT.system(),
                handlers -> Behaviors.setup(context -> {
                    throw new IllegalStateException("on purpose");
                }));
        ExecutionException e =
                assertThrows(ExecutionException.class, () -> get(failing.runWith(Sink.seq(), KIT.system())));
        assertTrue(e.getCause().getMessage().contains("on purpose"), e.toString());
    }

    /** Without acknowledgements a source emits what was delivered and no more; that bound is the consumer's. */
    @Test
    void whatIsNotAskedForWaits() {
        TestProbe<Long> seen = KIT.createTestProbe();
        var control = source(50)
                .mapAsync(1, in -> {
                    seen.getRef().tell(in.record().offset());
                    return new java.util.concurrent.CompletableFuture<Long>();
                })
                .to(Sink.ignore())
                .run(KIT.system());
        seen.expectMessage(0L);
        seen.expectNoMessage(Duration.ofMillis(50));
        control.stop();
    }
}
