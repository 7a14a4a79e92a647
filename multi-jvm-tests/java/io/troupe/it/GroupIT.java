package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Consumer groups of the classic protocol with real members that come, go and die. */
@Timeout(600)
class GroupIT {
    private static final int PARTITIONS = 6;
    private static final String ASSIGNORS = "org.apache.kafka.clients.consumer.";

    private static BrokerProcess broker;
    private static Clients clients;

    @BeforeAll
    static void start() {
        broker = BrokerProcess.start("group", Map.of());
        clients = new Clients(broker);
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    /** A member on a thread of its own: polls, notes what came, commits after each poll and on losing partitions. */
    private static final class Member implements AutoCloseable, ConsumerRebalanceListener {
        final Set<TopicPartition> owned = ConcurrentHashMap.newKeySet();
        final Collection<String> seen = new ConcurrentLinkedQueue<>();
        final List<Throwable> failures = new CopyOnWriteArrayList<>();
        private final KafkaConsumer<String, String> consumer;
        private final Thread thread;
        private volatile boolean stopping;
        private volatile int revocations;
        /** Answers to heartbeats that it had when it lost partitions for the first time. */
        private volatile long beatsAtRevocation = -1;

        private boolean uncommitted;

        Member(String group, String topic, String assignor, String... more) {
            List<String> settings = new ArrayList<>(List.of(
                    "group.id",
                    group,
                    "partition.assignment.strategy",
                    ASSIGNORS + assignor,
                    "heartbeat.interval.ms",
                    "300",
                    "session.timeout.ms",
                    "45000",
                    "max.poll.records",
                    "50"));
            settings.addAll(List.of(more));
            consumer = clients.consumer(settings.toArray(String[]::new));
            consumer.subscribe(List.of(topic), this);
            thread = new Thread(this::run, group + "-member");
            thread.start();
        }

        private void run() {
            try (consumer) {
                // A commit between a JoinGroup and its SyncGroup is refused, in a closing consumer too: whoever leaves
                // has
                // committed before.
                while (!stopping || uncommitted) {
                    var records = consumer.poll(Duration.ofMillis(50));
                    records.forEach(record -> seen.add(record.value()));
                    uncommitted |= !records.isEmpty();
                    commit();
                }
            } catch (RuntimeException e) {
                failures.add(e);
            }
        }

        private void commit() {
            if (!uncommitted) {
                return;
            }
            try {
                consumer.commitSync(Duration.ofSeconds(30));
                uncommitted = false;
            } catch (RebalanceInProgressException e) {
                // The positions stand; they are committed when partitions are taken away or after the next poll.
            }
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            if (uncommitted) {
                consumer.commitSync(Duration.ofSeconds(30));
                uncommitted = false;
            }
            if (!partitions.isEmpty()) {
                if (revocations == 0) {
                    beatsAtRevocation = (long) metric("heartbeat-total");
                }
                revocations++;
            }
            owned.removeAll(partitions);
        }

        /** Of its coordinator. */
        double metric(String name) {
            return consumer.metrics().entrySet().stream()
                    .filter(e ->
                            e.getKey().name().equals(name) && e.getKey().group().equals("consumer-coordinator-metrics"))
                    .map(e -> (double) e.getValue().metricValue())
                    .findFirst()
                    .orElseThrow();
        }

        /** Its first heartbeat is on its way or waits at the broker. */
        boolean hasUnansweredBeat() {
            return metric("last-heartbeat-seconds-ago") >= 0 && metric("heartbeat-total") == 0;
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            owned.addAll(partitions);
        }

        @Override
        public void close() {
            stopping = true;
            try {
                thread.join(90_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            assertEquals(List.of(), failures);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"RangeAssignor", "RoundRobinAssignor", "StickyAssignor", "CooperativeStickyAssignor"})
    void eachRecordIsDeliveredOnceWhileMembersComeAndGo(String assignor) throws Exception {
        String topic = clients.topic(Clients.unique("members"), PARTITIONS, Map.of());
        String group = Clients.unique("group");
        List<String> sent = new ArrayList<>();
        try (var producer = clients.producer("linger.ms", "0")) {
            Runnable burst = () -> {
                for (int i = 0; i < 300; i++) {
                    String value = "v" + sent.size();
                    sent.add(value);
                    producer.send(new ProducerRecord<>(topic, sent.size() % PARTITIONS, null, value));
                }
                producer.flush();
            };
            burst.run();
            Member a = new Member(group, topic, assignor);
            awaitBalanced(a);
            burst.run();
            Member b = new Member(group, topic, assignor);
            awaitBalanced(a, b);
            burst.run();
            Member c = new Member(group, topic, assignor);
            burst.run();
            awaitBalanced(a, b, c);
            a.close();
            burst.run();
            awaitBalanced(b, c);
            burst.run();
            Clients.await("every record has come", () -> a.seen.size() + b.seen.size() + c.seen.size() >= sent.size());
            b.close();
            c.close();
            List<String> all = new ArrayList<>(a.seen);
            all.addAll(b.seen);
            all.addAll(c.seen);
            List<String> twice =
                    all.stream().collect(Collectors.groupingBy(v -> v, Collectors.counting())).entrySet().stream()
                            .filter(e -> e.getValue() > 1)
                            .map(Map.Entry::getKey)
                            .toList();
            assertEquals(List.of(), twice, "delivered twice");
            assertEquals(new TreeSet<>(sent), new TreeSet<>(all));
        }
    }

    /** A member that has nothing to hear is answered only when there is a rebalance, so it need not ask again to hear of one. */
    @Test
    void aMemberLearnsOfARebalanceByAHeartbeatThatItSentBefore() {
        String topic = clients.topic(Clients.unique("held"), PARTITIONS, Map.of());
        boolean seen = false;
        // A pause of the machine may end the wait before the other member comes.
        for (int i = 0; i < 10 && !seen; i++) {
            String group = Clients.unique("group");
            try (Member first = new Member(group, topic, "RangeAssignor", "heartbeat.interval.ms", "3000")) {
                Clients.await(
                        "its heartbeat waits", () -> first.hasUnansweredBeat() || first.metric("heartbeat-total") > 0);
                try (Member second = new Member(group, topic, "RangeAssignor", "heartbeat.interval.ms", "3000")) {
                    awaitBalanced(first, second);
                    seen = first.beatsAtRevocation == 1 && first.revocations == 1;
                }
            }
        }
        assertTrue(seen);
    }

    @Test
    void aMemberThatDiesIsReplacedAfterItsSessionAndItsUncommittedRecordsComeAgain() throws Exception {
        String topic = clients.topic(Clients.unique("dies"), 2, Map.of());
        String group = Clients.unique("group");
        try (var producer = clients.producer()) {
            for (int i = 0; i < 20; i++) {
                producer.send(new ProducerRecord<>(topic, i % 2, null, "v" + i));
            }
        }
        // Its heartbeats stop when max.poll.interval.ms is over: to the broker that is a leave, to us a death without
        // commit.
        KafkaConsumer<String, String> silent =
                clients.consumer("group.id", group, "max.poll.interval.ms", "1500", "session.timeout.ms", "6000");
        silent.subscribe(List.of(topic));
        // Some come twice when it stands still for longer than that interval.
        Set<String> heard = new HashSet<>();
        Clients.await("it has read all", () -> {
            silent.poll(Duration.ofMillis(200)).forEach(record -> heard.add(record.value()));
            return heard.size() == 20;
        });
        try (Member heir = new Member(group, topic, "RangeAssignor")) {
            Clients.await("the heir has read all", () -> heir.seen.size() == 20);
        } finally {
            silent.close(CloseOptions.timeout(Duration.ofMillis(200)));
        }
    }

    @Test
    void aStaticMemberThatReturnsWithinItsSessionDisturbsNobody() {
        String topic = clients.topic(Clients.unique("static"), 4, Map.of());
        String group = Clients.unique("group");
        try (Member stays = new Member(
                group, topic, "RangeAssignor", "group.instance.id", "stays", "session.timeout.ms", "60000")) {
            Member returns = new Member(
                    group, topic, "RangeAssignor", "group.instance.id", "returns", "session.timeout.ms", "60000");
            awaitBalanced(4, stays, returns);
            int before = stays.revocations;
            Set<TopicPartition> had = Set.copyOf(returns.owned);
            returns.close();
            Member again = new Member(
                    group, topic, "RangeAssignor", "group.instance.id", "returns", "session.timeout.ms", "60000");
            awaitBalanced(4, stays, again);
            assertEquals(had, again.owned);
            assertEquals(before, stays.revocations);
            again.close();
        }
    }

    @Test
    void aGroupIsListedAndDescribedAsItIs() {
        String topic = clients.topic(Clients.unique("described"), 2, Map.of());
        String group = Clients.unique("group");
        try (Admin admin = clients.admin()) {
            try (Member member = new Member(group, topic, "RangeAssignor", "client.id", "the-client")) {
                awaitBalanced(2, member);
                ConsumerGroupDescription description = describe(admin, group);
                assertEquals(GroupState.STABLE, description.groupState());
                assertEquals("range", description.partitionAssignor());
                assertEquals(1, description.coordinator().id());
                var only = description.members().iterator().next();
                assertEquals("the-client", only.clientId());
                assertEquals(2, only.assignment().topicPartitions().size());
                assertTrue(only.host().contains("127.0.0.1"), only.host());
            }
            Clients.await("the group is empty", () -> describe(admin, group).groupState() == GroupState.EMPTY);
            assertTrue(Clients.get(admin.listGroups().all()).stream()
                    .anyMatch(g -> g.groupId().equals(group)));
        }
    }

    @Test
    void committedOffsetsComeBackWithTheirMetadataAndUncommittedOnesAreAbsent() {
        String topic = clients.topic(Clients.unique("commits"), 2, Map.of());
        TopicPartition committed = new TopicPartition(topic, 0);
        TopicPartition other = new TopicPartition(topic, 1);
        String group = Clients.unique("group");
        try (var consumer = clients.consumer("group.id", group);
                Admin admin = clients.admin()) {
            consumer.assign(List.of(committed, other));
            consumer.commitSync(Map.of(committed, new OffsetAndMetadata(17, "a note")));
            Map<TopicPartition, OffsetAndMetadata> read = consumer.committed(Set.of(committed, other));
            assertEquals(new OffsetAndMetadata(17, "a note"), read.get(committed));
            assertEquals(null, read.get(other));
            assertEquals(
                    17,
                    Clients.get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata())
                            .get(committed)
                            .offset());
        }
    }

    /** Offsets and results kept together elsewhere, here in a map; the group is used for nothing. */
    @Test
    void offsetsMayLiveOutsideAndReadingMayBeginAgainAnywhere() {
        String topic = clients.topic(Clients.unique("outside"), 2, Map.of());
        try (var producer = clients.producer()) {
            for (int i = 0; i < 40; i++) {
                producer.send(new ProducerRecord<>(topic, i % 2, null, "v" + i));
            }
        }
        List<TopicPartition> both = List.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1));
        Map<TopicPartition, Long> storage = new HashMap<>();
        List<String> results = new ArrayList<>();
        for (int life = 0; life < 4; life++) {
            try (var consumer = clients.consumer("max.poll.records", "7")) {
                consumer.assign(both);
                both.forEach(p -> consumer.seek(p, storage.getOrDefault(p, 0L)));
                int until = Math.min(40, results.size() + 11);
                while (results.size() < until) {
                    for (var record : consumer.poll(Duration.ofSeconds(10))) {
                        results.add(record.value());
                        storage.put(new TopicPartition(topic, record.partition()), record.offset() + 1);
                    }
                }
            }
        }
        assertEquals(40, results.size());
        assertEquals(40, Set.copyOf(results).size(), "each once, whatever was fetched and not stored");
        try (var consumer = clients.consumer()) {
            consumer.assign(both);
            consumer.seek(both.get(0), 5);
            consumer.seekToEnd(List.of(both.get(1)));
            consumer.position(both.get(1));
            assertEquals(
                    "v10",
                    consumer.poll(Duration.ofSeconds(60)).iterator().next().value());
            consumer.seekToBeginning(both);
            Set<String> again = new HashSet<>();
            Clients.await("all is read again", () -> {
                consumer.poll(Duration.ofMillis(200)).forEach(record -> again.add(record.value()));
                return again.size() == 40;
            });
        }
    }

    @Test
    void manyGroupsReadTheSameTopicIndependently() throws Exception {
        String topic = clients.topic(Clients.unique("shared"), 2, Map.of());
        try (var producer = clients.producer()) {
            for (int i = 0; i < 100; i++) {
                producer.send(new ProducerRecord<>(topic, "v" + i));
            }
        }
        List<Member> members = IntStream.range(0, 8)
                .mapToObj(i -> new Member(Clients.unique("many"), topic, "RangeAssignor"))
                .toList();
        Clients.await("each group has read all", () -> members.stream().allMatch(m -> m.seen.size() == 100));
        members.forEach(Member::close);
    }

    private static ConsumerGroupDescription describe(Admin admin, String group) {
        return Clients.get(admin.describeConsumerGroups(List.of(group)).all()).get(group);
    }

    private static void awaitBalanced(Member... members) {
        awaitBalanced(PARTITIONS, members);
    }

    /** Every partition is owned once, and no member has fewer than its share rounded down. */
    private static void awaitBalanced(int partitions, Member... members) {
        Clients.await("balanced over " + members.length + " members", () -> {
            List<TopicPartition> all = new ArrayList<>();
            for (Member member : members) {
                assertEquals(Collections.emptyList(), member.failures);
                all.addAll(member.owned);
                if (member.owned.size() < partitions / members.length) {
                    return false;
                }
            }
            return all.size() == partitions && Set.copyOf(all).size() == partitions;
        });
    }
}
