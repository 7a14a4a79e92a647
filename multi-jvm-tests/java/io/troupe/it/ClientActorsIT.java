package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.client.AdminActor;
import io.troupe.client.ConsumerActor;
import io.troupe.client.ConsumerEvent;
import io.troupe.client.ConsumerSettings;
import io.troupe.client.DeadLetters;
import io.troupe.client.Delivery;
import io.troupe.client.Failure;
import io.troupe.client.ProducerActor;
import io.troupe.client.ProducerSettings;
import io.troupe.client.RecordHandler;
import io.troupe.client.SendResult;
import io.troupe.client.Streams;
import io.troupe.client.Subscription;
import io.troupe.client.example.WordCount;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.pekko.Done;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.japi.function.Function;
import org.apache.pekko.stream.javadsl.Sink;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The client actors against a real broker. */
@Timeout(600)
class ClientActorsIT {
    private static final Duration LIMIT = Duration.ofSeconds(120);

    private static BrokerProcess broker;
    private static Clients clients;
    private static ActorTestKit kit;
    private static ActorRef<ProducerActor.Command<String, String>> producer;
    private static ActorRef<AdminActor.Command> admin;

    @BeforeAll
    static void start() {
        broker = BrokerProcess.start("client-actors", Map.of());
        clients = new Clients(broker);
        kit = ActorTestKit.create();
        producer = kit.spawn(ProducerActor.create(producing()));
        admin = kit.spawn(AdminActor.create(Map.of("bootstrap.servers", broker.bootstrap())));
    }

    @AfterAll
    static void stop() {
        if (kit != null) {
            kit.shutdownTestKit();
        }
        if (broker != null) {
            broker.close();
        }
    }

    private static ProducerSettings<String, String> producing() {
        return ProducerSettings.of(broker.bootstrap(), new StringSerializer(), new StringSerializer());
    }

    private static ConsumerSettings<String, String> consuming(String group) {
        return ConsumerSettings.of(broker.bootstrap(), group, new StringDeserializer(), new StringDeserializer())
                .withProperty("heartbeat.interval.ms", "300")
                .withProperty("fetch.max.wait.ms", "100")
                .withBackoffMs(10, 100)
                .withCommitIntervalMs(100)
                .withDrainTimeoutMs(30_000);
    }

    /** What the tests set beside the protocol is the broker's to say in the newer one. */
    private static ConsumerSettings<String, String> consuming(String group, String protocol) {
        ConsumerSettings<String, String> settings = consuming(group);
        Map<String, String> properties = new java.util.HashMap<>(settings.properties());
        if (protocol.equals("consumer")) {
            properties.remove("heartbeat.interval.ms");
        }
        properties.put("group.protocol", protocol);
        return settings.withProperties(properties);
    }

    private static <C, R> R ask(ActorRef<C> actor, Function<ActorRef<R>, C> question) throws Exception {
        return AskPattern.ask(actor, question, LIMIT, kit.scheduler())
                .toCompletableFuture()
                .get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    }

    private static void stop(ActorRef<ConsumerActor.Command> consumer) throws Exception {
        ClientActorsIT.<ConsumerActor.Command, Done>ask(consumer, ConsumerActor.Stop::new);
    }

    /** Values v{from} to v{to - 1}, the n-th to partition n modulo partitions. */
    private static void send(String topic, int partitions, int from, int to) throws Exception {
        List<ProducerRecord<String, String>> records = IntStream.range(from, to)
                .mapToObj(i -> new ProducerRecord<String, String>(topic, i % partitions, null, "v" + i))
                .toList();
        SendResult.All all = ask(producer, replyTo -> new ProducerActor.SendAll<>(records, replyTo));
        assertTrue(all.isSent(), all.results().toString());
    }

    private static Set<String> values(int from, int to) {
        return IntStream.range(from, to).mapToObj(i -> "v" + i).collect(Collectors.toCollection(TreeSet::new));
    }

    private static Map<Integer, Long> committed(String group) throws Exception {
        AdminActor.Outcome<Map<TopicPartition, OffsetAndMetadata>> outcome =
                ask(admin, replyTo -> new AdminActor.ListGroupOffsets(group, replyTo));
        if (!(outcome instanceof AdminActor.Succeeded<Map<TopicPartition, OffsetAndMetadata>> offsets)) {
            throw new AssertionError(outcome);
        }
        return offsets.value().entrySet().stream()
                .collect(Collectors.toMap(
                        e -> e.getKey().partition(), e -> e.getValue().offset()));
    }

    /** However few they are, and whatever their keys. */
    @Test
    void roundRobinSpreadsRecordsEvenly() throws Exception {
        String topic = clients.topic(Clients.unique("even"), 3, Map.of());
        ActorRef<ProducerActor.Command<String, String>> even = kit.spawn(
                ProducerActor.create(producing().withPartitioning(ProducerSettings.Partitioning.ROUND_ROBIN)));
        List<ProducerRecord<String, String>> records = IntStream.range(0, 30)
                .mapToObj(i -> new ProducerRecord<>(topic, i < 15 ? null : "k", "v" + i))
                .toList();
        SendResult.All all = ask(even, replyTo -> new ProducerActor.SendAll<>(records, replyTo));
        assertTrue(all.isSent(), all.results().toString());
        Map<Integer, Long> counts = all.results().stream()
                .map(SendResult.Sent.class::cast)
                .collect(Collectors.groupingBy(SendResult.Sent::partition, Collectors.counting()));
        assertEquals(Map.of(0, 10L, 1, 10L, 2, 10L), counts);
        ClientActorsIT.<ProducerActor.Command<String, String>, Done>ask(even, ProducerActor.Stop::new);
    }

    @ParameterizedTest
    @ValueSource(strings = {"classic", "consumer"})
    void partitionsStayInOrderAndAStopCommitsWhatIsDone(String protocol) throws Exception {
        String topic = clients.topic(Clients.unique("order"), 4, Map.of());
        String group = Clients.unique("group");
        Map<Integer, Queue<Long>> offsets = new ConcurrentHashMap<>();
        AtomicInteger count = new AtomicInteger();
        RecordHandler<String, String> handler = record -> {
            offsets.computeIfAbsent(record.partition(), p -> new ConcurrentLinkedQueue<>())
                    .add(record.offset());
            count.incrementAndGet();
        };
        send(topic, 4, 0, 2_000);
        // Commits by the clock would come too late to be of help.
        ActorRef<ConsumerActor.Command> consumer = kit.spawn(ConsumerActor.create(
                consuming(group, protocol).withCommitIntervalMs(600_000),
                Subscription.matching(topic),
                RecordHandler.each(handler)));
        Clients.await("all records come", () -> count.get() == 2_000);
        stop(consumer);
        List<Long> inOrder = IntStream.range(0, 500).mapToObj(i -> (long) i).toList();
        assertEquals(Set.of(0, 1, 2, 3), offsets.keySet());
        offsets.values().forEach(seen -> assertEquals(inOrder, List.copyOf(seen)));
        assertEquals(Map.of(0, 500L, 1, 500L, 2, 500L, 3, 500L), committed(group));
    }

    @Test
    void whatIsNotAcknowledgedHoldsItsPartitionBackAndNoOther() throws Exception {
        String topic = clients.topic(Clients.unique("demand"), 2, Map.of());
        Queue<Delivery<String, String>> held = new ConcurrentLinkedQueue<>();
        AtomicInteger open = new AtomicInteger();
        ActorRef<ConsumerActor.Command> consumer = kit.spawn(ConsumerActor.create(
                consuming(Clients.unique("group"))
                        .withProperty("max.poll.records", "10")
                        .withMaxOutstanding(20, 1 << 20)
                        .withDrainTimeoutMs(0),
                Subscription.topics(topic),
                partition -> Behaviors.receiveMessage(delivery -> {
                    if (partition.partition() == 0) {
                        held.add(delivery);
                    } else {
                        open.addAndGet(delivery.records().size());
                        delivery.acknowledgeAll();
                    }
                    return Behaviors.same();
                })));
        send(topic, 2, 0, 1_000);
        Clients.await("the other partition goes on", () -> open.get() == 500);
        Clients.await("the bound is reached", () -> records(held) >= 20);
        int outstanding = records(held);
        assertTrue(outstanding <= 29, "outstanding: " + outstanding);
        int seen = 0;
        while (seen < 500) {
            Clients.await("more comes", () -> !held.isEmpty());
            Delivery<String, String> delivery = held.remove();
            seen += delivery.records().size();
            assertTrue(records(held) <= 29);
            delivery.acknowledgeAll();
        }
        stop(consumer);
    }

    private static int records(Queue<Delivery<String, String>> deliveries) {
        return deliveries.stream().mapToInt(d -> d.records().size()).sum();
    }

    @Test
    void afterACrashRecordsComeAgainAndTheHopelessOnesAreDeadLetters() throws Exception {
        String topic = clients.topic(Clients.unique("crash"), 2, Map.of());
        String letters = clients.topic(Clients.unique("letters"), 1, Map.of());
        String group = Clients.unique("group");
        Map<String, AtomicInteger> tries = new ConcurrentHashMap<>();
        Queue<String> handled = new ConcurrentLinkedQueue<>();
        RecordHandler<String, String> handler = record -> {
            int nth = tries.computeIfAbsent(record.value(), v -> new AtomicInteger())
                    .incrementAndGet();
            if (record.value().equals("v10") && nth < 3 || record.value().equals("v20")) {
                throw new IllegalStateException("cannot stand " + record.value());
            }
            handled.add(record.value());
        };
        send(topic, 2, 0, 100);
        TestProbe<ConsumerEvent> events = kit.createTestProbe();
        ActorRef<ConsumerActor.Command> consumer = kit.spawn(ConsumerActor.create(
                consuming(group).withDeadLetters(DeadLetters.to(letters, 4, broker.bootstrap())),
                Subscription.topics(topic),
                RecordHandler.each(handler),
                events.getRef()));
        Clients.await("all but one are handled", () -> handled.size() == 99);
        assertEquals(99, new HashSet<>(handled).size());
        assertEquals(3, tries.get("v10").get());
        assertEquals(4, tries.get("v20").get());
        try (var reader = clients.consumer()) {
            reader.assign(List.of(new TopicPartition(letters, 0)));
            ConsumerRecord<String, String> letter = Clients.read(reader, 1).get(0);
            assertEquals("v20", letter.value());
            assertEquals(topic, header(letter, DeadLetters.TOPIC));
            assertEquals("0", header(letter, DeadLetters.PARTITION));
            assertEquals("10", header(letter, DeadLetters.OFFSET));
            assertEquals(group, header(letter, DeadLetters.GROUP));
            assertEquals("4", header(letter, DeadLetters.FAILURES));
            assertEquals("java.lang.IllegalStateException: cannot stand v20", header(letter, DeadLetters.ERROR));
        }
        stop(consumer);
        assertEquals(Map.of(0, 50L, 1, 50L), committed(group));
    }

    private static String header(ConsumerRecord<String, String> record, String name) {
        return new String(record.headers().lastHeader(name).value(), StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @ValueSource(strings = {"classic", "consumer"})
    void whenMembersComeAndGoNothingIsLost(String protocol) throws Exception {
        String topic = clients.topic(Clients.unique("rebalance"), 4, Map.of());
        ConsumerSettings<String, String> settings = consuming(Clients.unique("group"), protocol);
        Queue<String> handled = new ConcurrentLinkedQueue<>();
        RecordHandler<String, String> handler = record -> handled.add(record.value());
        TestProbe<ConsumerEvent> first = kit.createTestProbe();
        TestProbe<ConsumerEvent> second = kit.createTestProbe();
        send(topic, 4, 0, 1_000);
        ActorRef<ConsumerActor.Command> a = kit.spawn(ConsumerActor.create(
                settings, Subscription.topics(topic), RecordHandler.each(handler), first.getRef()));
        Clients.await("the first member reads", () -> handled.size() >= 500);
        send(topic, 4, 1_000, 2_000);
        ActorRef<ConsumerActor.Command> b = kit.spawn(ConsumerActor.create(
                settings, Subscription.topics(topic), RecordHandler.each(handler), second.getRef()));
        ConsumerEvent.Assigned assigned = (ConsumerEvent.Assigned) second.receiveMessage(LIMIT);
        assertTrue(assigned.partitions().size() <= 2, assigned.toString());
        send(topic, 4, 2_000, 3_000);
        Clients.await("both read", () -> new HashSet<>(handled).size() == 3_000);
        stop(a);
        send(topic, 4, 3_000, 4_000);
        Clients.await("the second reads all", () -> new HashSet<>(handled).size() == 4_000);
        stop(b);
        assertEquals(values(0, 4_000), new TreeSet<>(handled));
        // What was delivered had time to be done before its partition went.
        assertEquals(4_000, handled.size());
    }

    @Test
    void aSeekReadsAgainAndOtherwise() throws Exception {
        String topic = clients.topic(Clients.unique("seek"), 1, Map.of());
        TopicPartition partition = new TopicPartition(topic, 0);
        List<ProducerRecord<String, String>> records = IntStream.range(0, 100)
                .mapToObj(i -> new ProducerRecord<String, String>(topic, 0, 1_000L + i, null, "v" + i))
                .toList();
        SendResult.All all = ask(producer, replyTo -> new ProducerActor.SendAll<>(records, replyTo));
        assertEquals(new SendResult.Sent(0, 99, 1_099), all.results().get(99));
        Queue<String> handled = new ConcurrentLinkedQueue<>();
        // Without a group, of one partition.
        ConsumerSettings<String, String> settings = consuming("none")
                .withProperties(Map.of("bootstrap.servers", broker.bootstrap(), "auto.offset.reset", "latest"));
        TestProbe<ConsumerEvent> events = kit.createTestProbe();
        ActorRef<ConsumerActor.Command> consumer = kit.spawn(ConsumerActor.create(
                settings,
                Subscription.partitions(partition),
                RecordHandler.each(record -> handled.add(record.value())),
                events.getRef()));
        events.expectMessage(LIMIT, new ConsumerEvent.Assigned(Set.of(partition)));
        assertEquals(
                new ConsumerActor.SeekDone(partition, 98), seek(consumer, partition, new ConsumerActor.Offset(98)));
        Clients.await("the last two come", () -> List.copyOf(handled).equals(List.of("v98", "v99")));
        handled.clear();
        assertEquals(
                new ConsumerActor.SeekDone(partition, 97),
                seek(consumer, partition, new ConsumerActor.Timestamp(1_097)));
        Clients.await("the last three come", () -> List.copyOf(handled).equals(List.of("v97", "v98", "v99")));
        assertEquals(
                new ConsumerActor.SeekDone(partition, 100),
                seek(consumer, partition, new ConsumerActor.Timestamp(9_999)));
        handled.clear();
        assertEquals(new ConsumerActor.SeekDone(partition, 0), seek(consumer, partition, ConsumerActor.Edge.BEGINNING));
        Clients.await("all come", () -> handled.size() == 100);
        stop(consumer);
    }

    private static ConsumerActor.SeekResult seek(
            ActorRef<ConsumerActor.Command> consumer, TopicPartition partition, ConsumerActor.Position to)
            throws Exception {
        return ask(consumer, replyTo -> new ConsumerActor.Seek(partition, to, replyTo));
    }

    @Test
    void failuresOfTheBrokerHaveTheirKind() throws Exception {
        String small = clients.topic(Clients.unique("small"), 1, Map.of("max.message.bytes", "1000"));
        SendResult result = ask(
                producer, replyTo -> new ProducerActor.Send<>(new ProducerRecord<>(small, "x".repeat(5_000)), replyTo));
        assertEquals(
                Failure.Kind.TOO_LARGE,
                assertInstanceOf(SendResult.Failed.class, result).failure().kind());
        ActorRef<ProducerActor.Command<String, String>> transactional =
                kit.spawn(ProducerActor.create(producing().withProperty("transactional.id", "actor")));
        SendResult.Transaction transaction = ask(
                transactional,
                replyTo -> new ProducerActor.SendTransaction<>(
                        List.of(new ProducerRecord<>(small, "x")), Map.of(), null, replyTo));
        // A broker that has transactions commits it.
        if (transaction instanceof SendResult.Aborted aborted) {
            assertNotEquals(Failure.Kind.RETRIABLE, aborted.failure().kind());
            assertTrue(aborted.failure().message().contains("Transactions are not supported yet"), aborted.toString());
        }
        ClientActorsIT.<ProducerActor.Command<String, String>, Done>ask(transactional, ProducerActor.Stop::new);
    }

    @Test
    void aStreamCopiesATopicAndAcknowledgesWhatWasWritten() throws Exception {
        String in = clients.topic(Clients.unique("in"), 2, Map.of());
        String out = clients.topic(Clients.unique("out"), 2, Map.of());
        String group = Clients.unique("group");
        send(in, 2, 0, 1_000);
        AtomicInteger copied = new AtomicInteger();
        Streams.Control control = Streams.source(kit.system(), consuming(group), Subscription.topics(in))
                .map(record -> Streams.outgoing(
                        new ProducerRecord<String, String>(
                                out,
                                record.record().partition(),
                                null,
                                record.record().value()),
                        record))
                .via(Streams.flow(kit.system(), producer))
                .map(record -> {
                    record.acknowledge();
                    return copied.incrementAndGet();
                })
                .to(Sink.ignore())
                .run(kit.system());
        Clients.await("all are copied", () -> copied.get() == 1_000);
        control.stop().toCompletableFuture().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        assertEquals(Map.of(0, 500L, 1, 500L), committed(group));
        try (var reader = clients.consumer()) {
            reader.assign(List.of(new TopicPartition(out, 0), new TopicPartition(out, 1)));
            List<String> read = new ArrayList<>();
            Clients.read(reader, 1_000).forEach(record -> read.add(record.value()));
            assertEquals(values(0, 1_000), new TreeSet<>(read));
        }
    }

    @Test
    void topicsConfigurationsAndGroupsAreAdministered() throws Exception {
        String topic = Clients.unique("administered");
        AdminActor.Outcomes<String, Done> made =
                ask(admin, replyTo -> new AdminActor.CreateTopics(List.of(new NewTopic(topic, 1, (short) 1)), replyTo));
        assertEquals(Map.of(topic, new AdminActor.Succeeded<>(Done.getInstance())), made.each());
        AdminActor.Outcomes<String, Done> again =
                ask(admin, replyTo -> new AdminActor.CreateTopics(List.of(new NewTopic(topic, 1, (short) 1)), replyTo));
        assertEquals(Failure.Kind.CONFLICT, failure(again.each().get(topic)).kind());
        AdminActor.Outcomes<String, Done> more =
                ask(admin, replyTo -> new AdminActor.AddPartitions(Map.of(topic, 2), replyTo));
        assertInstanceOf(AdminActor.Succeeded.class, more.each().get(topic));
        Clients.await("the topic has two partitions", () -> {
            AdminActor.Outcomes<String, TopicDescription> described =
                    ask(admin, replyTo -> new AdminActor.DescribeTopics(Set.of(topic, "absent"), replyTo));
            assertEquals(
                    Failure.Kind.NOT_FOUND,
                    failure(described.each().get("absent")).kind());
            return described.each().get(topic) instanceof AdminActor.Succeeded<TopicDescription> d
                    && d.value().partitions().size() == 2;
        });
        AdminActor.Outcome<Set<String>> names = ask(admin, AdminActor.ListTopics::new);
        assertTrue(names instanceof AdminActor.Succeeded<Set<String>> n
                && n.value().contains(topic));

        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        AlterConfigOp change = new AlterConfigOp(new ConfigEntry("retention.ms", "77000"), AlterConfigOp.OpType.SET);
        AdminActor.Outcomes<ConfigResource, Done> changed =
                ask(admin, replyTo -> new AdminActor.AlterConfigs(Map.of(resource, List.of(change)), replyTo));
        assertInstanceOf(AdminActor.Succeeded.class, changed.each().get(resource));
        Clients.await("the change shows", () -> {
            AdminActor.Outcomes<ConfigResource, Config> configs =
                    ask(admin, replyTo -> new AdminActor.DescribeConfigs(Set.of(resource), replyTo));
            return configs.each().get(resource) instanceof AdminActor.Succeeded<Config> c
                    && c.value().get("retention.ms").value().equals("77000");
        });

        String group = Clients.unique("administered");
        AdminActor.Outcome<Done> moved = ask(
                admin,
                replyTo -> new AdminActor.AlterGroupOffsets(
                        group, Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(0)), replyTo));
        assertInstanceOf(AdminActor.Succeeded.class, moved);
        assertEquals(Map.of(0, 0L), committed(group));
        AdminActor.Outcome<java.util.Collection<GroupListing>> groups = ask(admin, AdminActor.ListGroups::new);
        assertTrue(groups instanceof AdminActor.Succeeded<java.util.Collection<GroupListing>> g
                && g.value().stream().anyMatch(l -> l.groupId().equals(group)));
        AdminActor.Outcomes<String, Done> forgotten =
                ask(admin, replyTo -> new AdminActor.DeleteGroups(Set.of(group), replyTo));
        assertInstanceOf(AdminActor.Succeeded.class, forgotten.each().get(group));
        AdminActor.Outcomes<String, Done> deleted =
                ask(admin, replyTo -> new AdminActor.DeleteTopics(Set.of(topic), replyTo));
        assertInstanceOf(AdminActor.Succeeded.class, deleted.each().get(topic));
    }

    private static Failure failure(AdminActor.Outcome<?> outcome) {
        return ((AdminActor.Failed<?>) outcome).failure();
    }

    @Test
    void theExampleCountsWords(@TempDir Path dir) throws Exception {
        Path text = dir.resolve("text");
        Files.writeString(text, "To be, or not to be:\nthat is the question.\n".repeat(200));
        Map<String, Long> counts = WordCount.count(broker.bootstrap(), text);
        assertEquals(400, counts.get("to"));
        assertEquals(400, counts.get("be"));
        assertEquals(200, counts.get("question"));
        assertEquals(8, counts.size());
    }

    @Test
    void theExampleNamesTheBrokerThatDoesNotAnswer(@TempDir Path dir) throws Exception {
        Path text = Files.writeString(dir.resolve("text"), "word");
        try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String nobody = "localhost:" + silent.getLocalPort();
            Exception failure = assertThrows(IllegalStateException.class, () -> WordCount.count(nobody, text));
            assertTrue(failure.getMessage().contains(nobody), failure.getMessage());
        }
    }
}
