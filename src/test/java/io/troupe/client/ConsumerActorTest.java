package io.troupe.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.client.ConsumerActor.Command;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetCommitCallback;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.pekko.Done;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.FishingOutcomes;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link ConsumerActor} over Kafka's mock of its consumer; the handlers' deliveries come to the test, which acknowledges them. */
@Timeout(300)
class ConsumerActorTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final TopicPartition P0 = new TopicPartition("t", 0);
    private static final TopicPartition P1 = new TopicPartition("t", 1);

    private final TestProbe<Delivery<String, String>> deliveries = KIT.createTestProbe();
    private final TestProbe<ConsumerEvent> events = KIT.createTestProbe();
    private final TestProbe<Done> done = KIT.createTestProbe();
    private final Mock mock = new Mock();

    @AfterAll
    static void stop() {
        KIT.shutdownTestKit();
    }

    /** Does not spin when it has nothing. */
    private static final class Mock extends MockConsumer<byte[], byte[]> {
        /** What was committed last, which a closed mock does not tell any more. */
        final Map<TopicPartition, Long> commits = new ConcurrentHashMap<>();

        /** So many commits are refused. */
        final AtomicInteger rebalances = new AtomicInteger();

        Mock() {
            super("earliest");
            updateBeginningOffsets(Map.of(P0, 0L, P1, 0L));
            updateEndOffsets(Map.of(P0, 100L, P1, 100L));
        }

        @Override
        public ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
            ConsumerRecords<byte[], byte[]> records = super.poll(timeout);
            if (records.isEmpty()) {
                LockSupport.parkNanos(1_000_000);
            }
            return records;
        }

        /** In its poll, on the thread that polls. */
        void assign(TopicPartition... partitions) {
            schedulePollTask(() -> rebalance(List.of(partitions)));
        }

        void records(TopicPartition partition, int from, int to) {
            schedulePollTask(() -> IntStream.range(from, to)
                    .forEach(i -> addRecord(
                            new ConsumerRecord<>("t", partition.partition(), i, null, ("v" + i).getBytes()))));
        }

        @Override
        public synchronized void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets) {
            if (rebalances.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
                throw new RebalanceInProgressException("one is");
            }
            super.commitSync(offsets);
            offsets.forEach((partition, offset) -> commits.put(partition, offset.offset()));
        }

        @Override
        public synchronized void commitAsync(
                Map<TopicPartition, OffsetAndMetadata> offsets, OffsetCommitCallback callback) {
            super.commitAsync(offsets, callback);
            offsets.forEach((partition, offset) -> commits.put(partition, offset.offset()));
        }

        @Override
        public void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets, Duration timeout) {
            commitSync(offsets);
        }

        Long committed(TopicPartition partition) {
            return commits.get(partition);
        }
    }

    private static ConsumerSettings<String, String> settings() {
        return ConsumerSettings.of("localhost:1", "g", new StringDeserializer(), new StringDeserializer())
                .withCommitIntervalMs(10)
                .withBackoffMs(1, 5);
    }

    private ActorRef<Command> spawn(ConsumerSettings<String, String> settings, Consumer<byte[], byte[]> consumer) {
        return spawn(settings, new ArrayDeque<>(List.of(consumer)), toTest());
    }

    private ActorRef<Command> spawn(
            ConsumerSettings<String, String> settings,
            Queue<Consumer<byte[], byte[]>> consumers,
            Function<TopicPartition, Behavior<Delivery<String, String>>> handlers) {
        return KIT.spawn(
                ConsumerActor.create(settings, Subscription.topics("t"), handlers, events.getRef(), consumers::remove));
    }

    /** Tells the test. */
    private Function<TopicPartition, Behavior<Delivery<String, String>>> toTest() {
        return partition -> Behaviors.receiveMessage(delivery -> {
            deliveries.getRef().tell(delivery);
            return Behaviors.same();
        });
    }

    private static List<String> values(Delivery<String, String> delivery) {
        return delivery.records().stream().map(ConsumerRecord::value).toList();
    }

    private Delivery<String, String> expect(String... values) {
        Delivery<String, String> delivery = deliveries.receiveMessage();
        assertEquals(List.of(values), values(delivery));
        return delivery;
    }

    @Test
    void eachPartitionHasAChildAndWhatIsDoneWithoutAGapIsCommitted() {
        spawn(settings(), mock);
        mock.assign(P0, P1);
        events.expectMessage(new ConsumerEvent.Assigned(Set.of(P0, P1)));
        mock.records(P0, 0, 3);
        Delivery<String, String> zero = expect("v0", "v1", "v2");
        mock.records(P1, 0, 1);
        Delivery<String, String> one = expect("v0");
        assertEquals(P1, one.partition());
        one.acknowledgeAll();
        Await.that(events, () -> Long.valueOf(1).equals(mock.committed(P1)));
        zero.acknowledge(2);
        zero.acknowledge(0);
        Await.that(events, () -> Long.valueOf(1).equals(mock.committed(P0)));
        zero.acknowledge(1);
        Await.that(events, () -> Long.valueOf(3).equals(mock.committed(P0)));
    }

    @Test
    void aPartitionWithoutRoomIsPausedUntilHalfOfItIsFree() {
        spawn(settings().withMaxOutstanding(4, 1 << 20).withMaxDeliveryRecords(2), mock);
        mock.assign(P0, P1);
        mock.records(P0, 0, 4);
        Delivery<String, String> first = expect("v0", "v1");
        Delivery<String, String> second = expect("v2", "v3");
        Await.that(events, () -> mock.paused().equals(Set.of(P0)));
        mock.records(P0, 4, 5);
        first.acknowledge(0);
        mock.records(P1, 0, 1);
        expect("v0").acknowledgeAll();
        assertEquals(Set.of(P0), mock.paused());
        first.acknowledge(1);
        expect("v4").acknowledgeAll();
        assertEquals(Set.of(), mock.paused());
        second.acknowledgeAll();
        Await.that(events, () -> Long.valueOf(5).equals(mock.committed(P0)));
    }

    @Test
    void bytesAreBoundedToo() {
        spawn(settings().withMaxOutstanding(1_000, 1), mock);
        mock.assign(P0);
        mock.records(P0, 0, 1);
        Delivery<String, String> delivery = expect("v0");
        Await.that(events, () -> mock.paused().equals(Set.of(P0)));
        delivery.acknowledgeAll();
        Await.that(events, () -> mock.paused().isEmpty());
    }

    @Test
    void afterAChildFailedItsRecordsComeAgainOneAtATime() {
        boolean[] fail = {true};
        spawn(
                settings(),
                new ArrayDeque<>(List.of(mock)),
                partition -> Behaviors.receiveMessage(delivery -> {
                    deliveries.getRef().tell(delivery);
                    if (fail[0] && delivery.records().size() == 3) {
                        fail[0] = false;
                        delivery.acknowledge(0);
                        throw new IllegalStateException("on purpose");
                    }
                    return Behaviors.same();
                }));
        mock.assign(P0);
        events.expectMessage(new ConsumerEvent.Assigned(Set.of(P0)));
        mock.records(P0, 0, 3);
        expect("v0", "v1", "v2");
        events.expectMessage(new ConsumerEvent.HandlerFailed(P0, 1, 1, "java.lang.IllegalStateException: on purpose"));
        expect("v1").acknowledgeAll();
        expect("v2").acknowledgeAll();
        mock.records(P0, 3, 5);
        expect("v3", "v4").acknowledgeAll();
        Await.that(events, () -> Long.valueOf(5).equals(mock.committed(P0)));
    }

    @Test
    void aHandlerForEachRecordAcknowledgesWhatItDidAndIsBlamedForTheNext() {
        Map<String, Integer> tries = new HashMap<>();
        RecordHandler<String, String> handler = record -> {
            int nth = tries.merge(record.value(), 1, Integer::sum);
            if (record.value().equals("v1") && nth < 3) {
                throw new IllegalStateException("on purpose");
            }
        };
        spawn(settings(), new ArrayDeque<>(List.of(mock)), RecordHandler.each(handler));
        mock.assign(P0);
        mock.records(P0, 0, 3);
        Await.that(events, () -> Long.valueOf(3).equals(mock.committed(P0)));
        assertEquals(Map.of("v0", 1, "v1", 3, "v2", 1), tries);
        events.expectMessage(new ConsumerEvent.Assigned(Set.of(P0)));
        assertEquals(
                List.of(1, 2),
                events.receiveSeveralMessages(2).stream()
                        .map(e -> ((ConsumerEvent.HandlerFailed) e).failures())
                        .toList());
    }

    @Test
    void aRecordThatCannotBeReadHoldsUpItsPartitionOnly() {
        Deserializer<String> choosy = (topic, bytes) -> {
            if (new String(bytes).equals("v1")) {
                throw new SerializationException("unreadable");
            }
            return new String(bytes);
        };
        ConsumerSettings<String, String> settings = ConsumerSettings.of("h:1", "g", new StringDeserializer(), choosy);
        spawn(settings.withBackoffMs(1, 1).withCommitIntervalMs(10), mock);
        mock.assign(P0, P1);
        mock.records(P0, 0, 3);
        expect("v0").acknowledgeAll();
        events.expectMessageClass(ConsumerEvent.Assigned.class);
        ConsumerEvent.HandlerFailed failed = events.expectMessageClass(ConsumerEvent.HandlerFailed.class);
        assertEquals(1, failed.offset());
        assertTrue(failed.error().contains("unreadable"));
        mock.records(P1, 0, 1);
        expect("v0");
        Await.that(deliveries, () -> Long.valueOf(1).equals(mock.committed(P0)));
    }

    @Test
    void whatIsDoneInTimeIsCommittedBeforePartitionsGoAndNothingMoreIsDelivered() {
        spawn(settings().withCommitIntervalMs(100_000).withDrainTimeoutMs(100_000), mock);
        mock.assign(P0, P1);
        events.expectMessage(new ConsumerEvent.Assigned(Set.of(P0, P1)));
        mock.records(P0, 0, 2);
        Delivery<String, String> delivery = expect("v0", "v1");
        mock.assign(P1);
        delivery.acknowledge(0);
        events.expectNoMessage(Duration.ofMillis(50));
        delivery.acknowledge(1);
        events.expectMessage(new ConsumerEvent.Revoked(Set.of(P0)));
        assertEquals(2, mock.committed(P0));
    }

    @Test
    void whatIsNotDoneInTimeIsNotCommitted() {
        spawn(settings().withCommitIntervalMs(100_000).withDrainTimeoutMs(1), mock);
        mock.assign(P0);
        events.expectMessage(new ConsumerEvent.Assigned(Set.of(P0)));
        mock.records(P0, 0, 2);
        Delivery<String, String> delivery = expect("v0", "v1");
        delivery.acknowledge(0);
        mock.assign(P1);
        events.expectMessage(new ConsumerEvent.Revoked(Set.of(P0)));
        assertEquals(1, mock.committed(P0));
        delivery.acknowledge(1);
        events.expectMessage(new ConsumerEvent.Assigned(Set.of(P1)));
        assertEquals(1, mock.committed(P0));
    }

    @Test
    void ofLostPartitionsNothingIsCommitted() {
        spawn(settings().withCommitIntervalMs(100_000), mock);
        mock.assign(P0);
        events.expectMessage(new ConsumerEvent.Assigned(Set.of(P0)));
        mock.records(P0, 0, 1);
        expect("v0").acknowledgeAll();
        mock.schedulePollTask(() -> mock.losePartitions(List.of(P0)));
        events.expectMessage(new ConsumerEvent.Lost(Set.of(P0)));
        assertNull(mock.committed(P0));
    }

    @Test
    void aStopDrainsCommitsAndCloses() {
        ActorRef<Command> actor = spawn(settings().withCommitIntervalMs(100_000).withDrainTimeoutMs(100_000), mock);
        mock.assign(P0);
        mock.records(P0, 0, 2);
        Delivery<String, String> delivery = expect("v0", "v1");
        actor.tell(new ConsumerActor.Stop(done.getRef()));
        mock.records(P0, 2, 3);
        delivery.acknowledge(0);
        done.expectNoMessage(Duration.ofMillis(50));
        delivery.acknowledge(1);
        done.expectMessage(Done.getInstance());
        done.expectTerminated(actor);
        assertTrue(mock.closed());
        assertEquals(Map.of(P0, 2L), mock.commits);
        deliveries.expectNoMessage(Duration.ZERO);
    }

    /** A commit of the classic protocol is refused between a member's join and its assignment; polls take that on. */
    @Test
    void aStopInARebalanceCommitsBehindIt() {
        ActorRef<Command> actor = spawn(settings().withCommitIntervalMs(100_000), mock);
        mock.assign(P0);
        mock.records(P0, 0, 1);
        expect("v0").acknowledgeAll();
        mock.rebalances.set(3);
        actor.tell(new ConsumerActor.Stop(done.getRef()));
        done.expectMessage(Done.getInstance());
        assertEquals(Map.of(P0, 1L), mock.commits);
    }

    @Test
    void aSeekForgetsWhatWasReadAndMovesTheGroup() {
        ActorRef<Command> actor = spawn(settings(), mock);
        mock.assign(P0);
        mock.records(P0, 0, 3);
        Delivery<String, String> old = expect("v0", "v1", "v2");
        TestProbe<ConsumerActor.SeekResult> sought = KIT.createTestProbe();
        actor.tell(new ConsumerActor.Seek(P0, new ConsumerActor.Offset(1), sought.getRef()));
        sought.expectMessage(new ConsumerActor.SeekDone(P0, 1));
        old.acknowledgeAll();
        Await.that(events, () -> Long.valueOf(1).equals(mock.committed(P0)));
        mock.records(P0, 1, 3);
        expect("v1", "v2").acknowledgeAll();
        Await.that(events, () -> Long.valueOf(3).equals(mock.committed(P0)));
        actor.tell(new ConsumerActor.Seek(P0, ConsumerActor.Edge.END, sought.getRef()));
        sought.expectMessage(new ConsumerActor.SeekDone(P0, 100));
        actor.tell(new ConsumerActor.Seek(P0, ConsumerActor.Edge.BEGINNING, sought.getRef()));
        sought.expectMessage(new ConsumerActor.SeekDone(P0, 0));
        actor.tell(new ConsumerActor.Seek(P1, new ConsumerActor.Offset(1), sought.getRef()));
        assertEquals(
                Failure.Kind.NOT_FOUND,
                sought.expectMessageClass(ConsumerActor.SeekFailed.class)
                        .failure()
                        .kind());
    }

    @Test
    void afterKafkasConsumerFailedAnotherOneBegins() {
        Mock second = new Mock();
        spawn(settings(), new ArrayDeque<>(List.of(mock, second)), toTest());
        mock.assign(P0);
        mock.records(P0, 0, 1);
        expect("v0");
        mock.schedulePollTask(() -> mock.setPollException(new KafkaException("broken")));
        events.expectMessageClass(ConsumerEvent.Assigned.class);
        events.fishForMessage(
                Await.LIMIT,
                event -> event instanceof ConsumerEvent.ConsumerFailed
                        ? FishingOutcomes.complete()
                        : FishingOutcomes.continueAndIgnore());
        assertTrue(mock.closed());
        second.assign(P0);
        second.records(P0, 0, 1);
        expect("v0").acknowledgeAll();
        Await.that(events, () -> Long.valueOf(1).equals(second.committed(P0)));
    }

    /** A codec's class that is missing, or no memory for a record, is an error and no exception. */
    @Test
    void anErrorInKafkasConsumerIsAFailureToo() {
        Mock second = new Mock();
        ActorRef<Command> actor = spawn(settings(), new ArrayDeque<>(List.of(mock, second)), toTest());
        mock.schedulePollTask(() -> {
            throw new NoClassDefFoundError("some/Codec");
        });
        ConsumerEvent.ConsumerFailed failed = events.expectMessageClass(ConsumerEvent.ConsumerFailed.class);
        assertTrue(failed.failure().message().contains("some/Codec"), failed.toString());
        assertTrue(mock.closed());
        second.assign(P0);
        events.expectMessage(new ConsumerEvent.Assigned(Set.of(P0)));
        actor.tell(new ConsumerActor.Stop(done.getRef()));
        done.expectMessage(Done.getInstance());
    }

    @Test
    void aHandlerThatCannotBeMadeIsMadeAgainAfterAPause() {
        AtomicInteger calls = new AtomicInteger();
        spawn(settings(), new ArrayDeque<>(List.of(mock)), partition -> {
            if (calls.incrementAndGet() <= 2) {
                throw new IllegalStateException("not yet");
            }
            return toTest().apply(partition);
        });
        mock.assign(P0);
        events.expectMessage(new ConsumerEvent.Assigned(Set.of(P0)));
        mock.records(P0, 0, 1);
        expect("v0").acknowledgeAll();
        Await.that(events, () -> Long.valueOf(1).equals(mock.committed(P0)));
        assertEquals(3, calls.get());
    }

    @Test
    void withoutUsableSettingsTheActorFails() {
        ActorRef<Command> actor = KIT.spawn(ConsumerActor.<String, String>create(
                settings(), Subscription.topics("t"), toTest(), events.getRef(), () -> {
                    throw new ConfigException("wrong");
                }));
        done.expectTerminated(actor);
    }

    @Test
    void whenItIsStoppedByItsParentKafkasConsumerIsClosed() {
        ActorRef<Command> actor = spawn(settings(), mock);
        mock.assign(P0);
        events.expectMessage(new ConsumerEvent.Assigned(Set.of(P0)));
        assertFalse(mock.closed());
        KIT.stop(actor);
        Await.that(done, mock::closed);
    }
}
