package io.troupe.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.client.ProducerActor.Command;
import io.troupe.client.ProducerActor.Flush;
import io.troupe.client.ProducerActor.Send;
import io.troupe.client.ProducerActor.SendAll;
import io.troupe.client.ProducerActor.SendTransaction;
import io.troupe.client.ProducerActor.Stop;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ClusterAuthorizationException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.NotEnoughReplicasException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.pekko.Done;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link ProducerActor} over Kafka's mock of its producer. */
@Timeout(300)
class ProducerActorTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final String TOPIC = "t";
    /** A record of one letter, by the counting of the bounds. */
    private static final int RECORD_BYTES = 65;

    private final TestProbe<SendResult> results = KIT.createTestProbe();
    private final TestProbe<Done> done = KIT.createTestProbe();
    private final MockProducer<byte[], byte[]> manual =
            new MockProducer<>(false, null, new ByteArraySerializer(), new ByteArraySerializer());

    private final MockProducer<byte[], byte[]> automatic =
            new MockProducer<>(true, null, new ByteArraySerializer(), new ByteArraySerializer());

    @AfterAll
    static void stop() {
        KIT.shutdownTestKit();
    }

    private static ProducerSettings<String, String> settings() {
        return ProducerSettings.of("localhost:1", new StringSerializer(), new StringSerializer());
    }

    private static ActorRef<Command<String, String>> spawn(
            ProducerSettings<String, String> settings, MockProducer<byte[], byte[]> producer) {
        return KIT.spawn(ProducerActor.create(settings, () -> producer));
    }

    private Send<String, String> send(String value) {
        return new Send<>(new ProducerRecord<>(TOPIC, 0, null, value), results.getRef());
    }

    @Test
    void aRecordIsAnsweredWithWhereItIs() {
        ActorRef<Command<String, String>> actor = spawn(settings(), automatic);
        actor.tell(new Send<>(new ProducerRecord<>(TOPIC, 3, 77L, "k", "v"), results.getRef()));
        actor.tell(new Send<>(new ProducerRecord<>(TOPIC, 3, 78L, "k", "w"), results.getRef()));
        // Kafka's mock answers for partition 0 and no time, whatever it was given.
        assertEquals(new SendResult.Sent(0, 0, -1), results.receiveMessage());
        assertEquals(new SendResult.Sent(0, 1, -1), results.receiveMessage());
        ProducerRecord<byte[], byte[]> first = automatic.history().get(0);
        assertEquals("v", new String(first.value()));
        assertEquals("k", new String(first.key()));
        assertEquals(3, first.partition());
        assertEquals(77, first.timestamp());
    }

    @Test
    void whatDoesNotFitInFlightWaitsInOrderAndWhatDoesNotFitThereIsRefused() {
        ActorRef<Command<String, String>> actor =
                spawn(settings().withMaxInFlightBytes(RECORD_BYTES).withMaxWaitingBytes(2 * RECORD_BYTES), manual);
        actor.tell(send("a"));
        Await.that(results, () -> manual.history().size() == 1);
        actor.tell(send("b"));
        actor.tell(send("c"));
        actor.tell(send("d"));
        SendResult.Refused refused = results.expectMessageClass(SendResult.Refused.class);
        assertEquals(Failure.Kind.REFUSED, refused.failure().kind());
        assertEquals(1, manual.history().size());
        for (int sent = 1; sent <= 3; sent++) {
            int soFar = sent;
            Await.that(results, () -> manual.history().size() == soFar);
            assertTrue(manual.completeNext());
            assertEquals(new SendResult.Sent(0, sent - 1, -1), results.receiveMessage());
        }
        assertEquals(
                List.of("a", "b", "c"),
                manual.history().stream().map(r -> new String(r.value())).toList());
    }

    /** KafkaProducer.send may wait for metadata and memory: only the producer's own thread waits with it. */
    @Test
    void whileKafkasProducerBlocksTheActorAnswers() throws Exception {
        Object gate = new Object();
        MockProducer<byte[], byte[]> blocking =
                new MockProducer<>(true, null, new ByteArraySerializer(), new ByteArraySerializer()) {
                    @Override
                    public java.util.concurrent.Future<org.apache.kafka.clients.producer.RecordMetadata> send(
                            ProducerRecord<byte[], byte[]> record,
                            org.apache.kafka.clients.producer.Callback callback) {
                        synchronized (gate) {
                            return super.send(record, callback);
                        }
                    }
                };
        ActorRef<Command<String, String>> actor = spawn(settings().withMaxWaitingBytes(RECORD_BYTES), blocking);
        synchronized (gate) {
            actor.tell(send("a"));
            // By now or later "a" is in the gate, and of these at least the last finds no room.
            actor.tell(send("b"));
            actor.tell(send("c"));
            results.expectMessageClass(SendResult.Refused.class);
        }
        Await.that(done, () -> results.receiveMessage() instanceof SendResult.Sent);
    }

    @Test
    void failuresHaveAKindAndTheCausesWords() {
        ActorRef<Command<String, String>> actor = spawn(settings(), manual);
        actor.tell(send("a"));
        actor.tell(send("b"));
        Await.that(results, () -> manual.history().size() == 2);
        manual.errorNext(new RecordTooLargeException("max.request.size"));
        manual.errorNext(new NotEnoughReplicasException("2 < 3"));
        assertEquals(
                new SendResult.Failed(new Failure(Failure.Kind.TOO_LARGE, "max.request.size")),
                results.receiveMessage());
        assertEquals(new SendResult.Failed(new Failure(Failure.Kind.RETRIABLE, "2 < 3")), results.receiveMessage());
    }

    @Test
    void whatTheProducerThrowsIsAnsweredToo() {
        ActorRef<Command<String, String>> actor = spawn(settings(), manual);
        manual.sendException = new KafkaException("broken");
        actor.tell(send("a"));
        assertEquals(new SendResult.Failed(new Failure(Failure.Kind.OTHER, "broken")), results.receiveMessage());
    }

    /** A codec's class that is missing is an error and no exception. */
    @Test
    void anErrorInTheProducerIsAnsweredToo() {
        ActorRef<Command<String, String>> actor = KIT.spawn(ProducerActor.create(
                settings(),
                () ->
                        new MockProducer<byte[], byte[]>(
                                true, null, new ByteArraySerializer(), new ByteArraySerializer()) {
                            @Override
                            public synchronized Future<RecordMetadata> send(
                                    ProducerRecord<byte[], byte[]> record, Callback callback) {
                                if (record.value()[0] == 'a') {
                                    throw new NoClassDefFoundError("some/Codec");
                                }
                                return super.send(record, callback);
                            }
                        }));
        actor.tell(send("a"));
        Failure failure = results.expectMessageClass(SendResult.Failed.class).failure();
        assertTrue(failure.message().contains("some/Codec"), failure.message());
        actor.tell(send("b"));
        results.expectMessageClass(SendResult.Sent.class);
        ActorRef<Command<String, String>> none = KIT.spawn(ProducerActor.create(settings(), () -> {
            throw new NoClassDefFoundError("some/Producer");
        }));
        done.expectTerminated(none);
    }

    @Test
    void aRecordThatCannotBeSerializedFailsAlone() {
        Serializer<String> choosy = (topic, value) -> {
            if (value.equals("bad")) {
                throw new SerializationException("bad it is");
            }
            return value.getBytes();
        };
        ActorRef<Command<String, String>> actor = KIT.spawn(
                ProducerActor.create(ProducerSettings.of("h:1", new StringSerializer(), choosy), () -> automatic));
        TestProbe<SendResult.All> all = KIT.createTestProbe();
        actor.tell(send("bad"));
        assertEquals(new SendResult.Failed(new Failure(Failure.Kind.INVALID, "bad it is")), results.receiveMessage());
        actor.tell(new SendAll<>(records("a", "bad", "b"), all.getRef()));
        List<SendResult> answers = all.receiveMessage().results();
        assertInstanceOf(SendResult.Sent.class, answers.get(0));
        assertInstanceOf(SendResult.Failed.class, answers.get(1));
        assertInstanceOf(SendResult.Sent.class, answers.get(2));
    }

    private static List<ProducerRecord<String, String>> records(String... values) {
        return List.of(values).stream()
                .map(v -> new ProducerRecord<String, String>(TOPIC, 0, null, v))
                .toList();
    }

    @Test
    void recordsThatComeTogetherAreAnsweredTogetherAndRefusedTogether() {
        ActorRef<Command<String, String>> actor =
                spawn(settings().withMaxInFlightBytes(1).withMaxWaitingBytes(2 * RECORD_BYTES), manual);
        TestProbe<SendResult.All> all = KIT.createTestProbe();
        actor.tell(new SendAll<>(records("a", "b"), all.getRef()));
        Await.that(results, () -> manual.history().size() == 1);
        actor.tell(new SendAll<>(records("c", "d"), all.getRef()));
        SendResult.All refused = all.receiveMessage();
        assertEquals(2, refused.results().size());
        refused.results().forEach(r -> assertInstanceOf(SendResult.Refused.class, r));
        manual.completeNext();
        Await.that(results, () -> manual.history().size() == 2);
        manual.errorNext(new RecordTooLargeException("b"));
        List<SendResult> answers = all.receiveMessage().results();
        assertInstanceOf(SendResult.Sent.class, answers.get(0));
        assertInstanceOf(SendResult.Failed.class, answers.get(1));
        actor.tell(new SendAll<>(List.of(), all.getRef()));
        assertEquals(List.of(), all.receiveMessage().results());
    }

    @Test
    void aFlushIsAnsweredBehindAllThatCameBefore() {
        ActorRef<Command<String, String>> actor = spawn(settings(), manual);
        for (int i = 0; i < 100; i++) {
            actor.tell(send("v" + i));
        }
        // The mock's flush completes what it has.
        actor.tell(new Flush<>(done.getRef()));
        done.expectMessage(Done.getInstance());
        results.receiveSeveralMessages(100).forEach(r -> assertInstanceOf(SendResult.Sent.class, r));
    }

    @Test
    void aStopSendsWhatWasTakenAndRefusesWhatComesLater() {
        ActorRef<Command<String, String>> actor = spawn(settings().withMaxInFlightBytes(1), manual);
        actor.tell(send("a"));
        actor.tell(send("b"));
        actor.tell(new Stop<>(done.getRef()));
        actor.tell(send("late"));
        SendResult.Failed late = results.expectMessageClass(SendResult.Failed.class);
        assertEquals(Failure.Kind.CLOSED, late.failure().kind());
        Await.that(results, manual::completeNext);
        Await.that(results, manual::completeNext);
        results.receiveSeveralMessages(2).forEach(r -> assertInstanceOf(SendResult.Sent.class, r));
        done.expectMessage(Done.getInstance());
        done.expectTerminated(actor);
        assertTrue(manual.closed());
    }

    /** Kafka's producer waits {@code max.block.ms} for each record while no broker is there. */
    @Test
    void aStopTakesNoLongerThanItsTimeout() {
        MockProducer<byte[], byte[]> away =
                new MockProducer<>(true, null, new ByteArraySerializer(), new ByteArraySerializer()) {
                    @Override
                    public Future<RecordMetadata> send(ProducerRecord<byte[], byte[]> record, Callback callback) {
                        try {
                            new CountDownLatch(1).await();
                        } catch (InterruptedException e) {
                            throw new InterruptException(e);
                        }
                        return super.send(record, callback);
                    }
                };
        ActorRef<Command<String, String>> actor = spawn(settings().withCloseTimeoutMs(20), away);
        actor.tell(send("a"));
        actor.tell(send("b"));
        actor.tell(new ProducerActor.Stop<>(done.getRef()));
        for (int i = 0; i < 2; i++) {
            assertEquals(
                    Failure.Kind.CLOSED,
                    results.expectMessageClass(SendResult.Failed.class)
                            .failure()
                            .kind());
        }
        done.expectMessage(Done.getInstance());
        assertTrue(away.closed());
    }

    @Test
    void whenItIsStoppedByItsParentWhatWaitsIsAnswered() {
        ActorRef<Command<String, String>> actor = spawn(settings().withMaxInFlightBytes(1), manual);
        actor.tell(send("a"));
        actor.tell(send("b"));
        Await.that(results, () -> manual.history().size() == 1);
        KIT.stop(actor);
        assertEquals(
                Failure.Kind.CLOSED,
                results.expectMessageClass(SendResult.Failed.class).failure().kind());
        Await.that(results, manual::closed);
    }

    @Test
    void withoutAProducerTheActorFailsAndAnswers() {
        ActorRef<Command<String, String>> actor = KIT.spawn(ProducerActor.create(settings(), () -> {
            throw new KafkaException("no resolvable bootstrap urls");
        }));
        actor.tell(send("a"));
        done.expectTerminated(actor);
        // Unless it came when the actor was gone already.
        KIT.stop(actor);
    }

    @Test
    void withASupervisorItBeginsAnew() {
        Queue<Supplier<Producer<byte[], byte[]>>> attempts =
                new ArrayDeque<>(List.<Supplier<Producer<byte[], byte[]>>>of(
                        () -> {
                            throw new KafkaException("no resolvable bootstrap urls");
                        },
                        () -> automatic));
        ActorRef<Command<String, String>> actor = KIT.spawn(Behaviors.supervise(
                        ProducerActor.create(settings(), () -> attempts.remove().get()))
                .onFailure(SupervisorStrategy.restart()));
        Await.that(results, () -> {
            actor.tell(send("a"));
            return results.receiveMessage() instanceof SendResult.Sent;
        });
    }

    private final TestProbe<SendResult.Transaction> transactions = KIT.createTestProbe();

    @Test
    void aTransactionCommitsRecordsAndOffsets() {
        ActorRef<Command<String, String>> actor = spawn(settings().withProperty("transactional.id", "x"), automatic);
        Map<TopicPartition, OffsetAndMetadata> offsets = Map.of(new TopicPartition("in", 0), new OffsetAndMetadata(5));
        ConsumerGroupMetadata group = new MockConsumer<String, String>("earliest").groupMetadata();
        for (int i = 1; i <= 2; i++) {
            actor.tell(new SendTransaction<>(records("a", "b"), offsets, group, transactions.getRef()));
            SendResult.Committed committed =
                    assertInstanceOf(SendResult.Committed.class, transactions.receiveMessage());
            assertEquals(2, committed.records().size());
            assertEquals(i, automatic.commitCount());
        }
        assertEquals(
                Map.of(group.groupId(), offsets),
                automatic.consumerGroupOffsetsHistory().get(1));
    }

    @Test
    void aTransactionThatFailsIsAborted() {
        ActorRef<Command<String, String>> actor = spawn(settings().withProperty("transactional.id", "x"), automatic);
        automatic.commitTransactionException = new KafkaException("no");
        actor.tell(new SendTransaction<>(records("a"), Map.of(), null, transactions.getRef()));
        assertEquals(new SendResult.Aborted(new Failure(Failure.Kind.OTHER, "no")), transactions.receiveMessage());
        assertTrue(automatic.transactionAborted());
    }

    @Test
    void aBrokerWithoutTransactionsSaysSo() {
        ActorRef<Command<String, String>> actor = spawn(settings().withProperty("transactional.id", "x"), automatic);
        automatic.initTransactionException = new ClusterAuthorizationException("not supported yet");
        actor.tell(new SendTransaction<>(records("a"), Map.of(), null, transactions.getRef()));
        assertEquals(
                new SendResult.Aborted(new Failure(Failure.Kind.NOT_AUTHORIZED, "not supported yet")),
                transactions.receiveMessage());
        ActorRef<Command<String, String>> plain = spawn(settings(), manual);
        plain.tell(new SendTransaction<>(records("a"), Map.of(), null, transactions.getRef()));
        SendResult.Aborted aborted = assertInstanceOf(SendResult.Aborted.class, transactions.receiveMessage());
        assertEquals(Failure.Kind.INVALID, aborted.failure().kind());
    }
}
