package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidRegularExpression;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Groups of the consumer protocol (KIP-848) with real members that come, go and die. */
@Timeout(600)
class ConsumerProtocolIT {
    private static final int PARTITIONS = 10;

    private static BrokerProcess broker;
    private static Clients clients;

    @BeforeAll
    static void start() {
        broker = BrokerProcess.start("consumer-protocol", Map.of());
        clients = new Clients(broker);
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"uniform", "range"})
    void eachRecordComesOnceWhileMembersComeAndGo(String assignor) throws Exception {
        String topic = clients.topic(Clients.unique("members"), PARTITIONS, Map.of());
        String group = Clients.unique("group");
        var seen = new ConcurrentLinkedQueue<String>();
        List<ConsumerMember> members = new ArrayList<>();
        try (Source source = new Source(clients, topic, PARTITIONS);
                Admin admin = clients.admin()) {
            for (int count : new int[] {1, 4, 2, 5}) {
                while (members.size() > count) {
                    members.remove(0).close();
                }
                Map<ConsumerMember, Set<TopicPartition>> before = new HashMap<>();
                members.forEach(m -> before.put(m, m.beginRound()));
                while (members.size() < count) {
                    members.add(new ConsumerMember(
                            clients, group, seen, m -> m.subscribe(List.of(topic)), "group.remote.assignor", assignor));
                }
                awaitBalanced(PARTITIONS, members);
                before.forEach((member, had) -> {
                    Set<TopicPartition> kept = new HashSet<>(had);
                    kept.retainAll(member.owned());
                    if (assignor.equals("uniform")) {
                        kept.retainAll(member.lost());
                        assertEquals(Set.of(), kept, "what a member keeps is never taken away");
                    }
                });
                int read = seen.size();
                Clients.await("the members read on", () -> seen.size() > read + PARTITIONS);
                describedAsTheyAre(admin, group, assignor, members);
            }
            Set<String> sent = source.end();
            Clients.await("every record has come", () -> seen.size() >= sent.size());
            members.forEach(ConsumerMember::close);
            assertEquals(sent, new HashSet<>(seen));
            assertEquals(sent.size(), seen.size(), "each came once");
        }
    }

    private static void describedAsTheyAre(Admin admin, String group, String assignor, List<ConsumerMember> members) {
        Clients.await(
                "the description has settled", () -> describe(admin, group).groupState() == GroupState.STABLE);
        ConsumerGroupDescription description = describe(admin, group);
        assertEquals(GroupType.CONSUMER, description.type());
        assertEquals(assignor, description.partitionAssignor());
        assertTrue(description.groupEpoch().orElseThrow() > 0);
        assertEquals(description.groupEpoch(), description.targetAssignmentEpoch());
        Set<Set<TopicPartition>> assigned = new HashSet<>();
        for (MemberDescription member : description.members()) {
            assertEquals(description.groupEpoch(), member.memberEpoch());
            assertEquals(Optional.of(member.assignment()), member.targetAssignment());
            assertEquals(Optional.of(true), member.upgraded());
            assigned.add(member.assignment().topicPartitions());
        }
        Set<Set<TopicPartition>> owned = new HashSet<>();
        members.forEach(m -> owned.add(m.owned()));
        assertEquals(owned, assigned);
        assertTrue(Clients.get(admin.listGroups().all()).stream()
                .anyMatch(g -> g.groupId().equals(group) && g.type().equals(Optional.of(GroupType.CONSUMER))));
    }

    @Test
    void aStaticMemberThatReturnsHasWhatItHadAndDisturbsNobody() {
        String topic = clients.topic(Clients.unique("static"), PARTITIONS, Map.of());
        String group = Clients.unique("group");
        var seen = new ConcurrentLinkedQueue<String>();
        try (ConsumerMember stays = instance("stays", group, topic, seen)) {
            Set<TopicPartition> had;
            try (ConsumerMember returns = instance("returns", group, topic, seen)) {
                awaitBalanced(PARTITIONS, List.of(stays, returns));
                had = returns.owned();
                stays.beginRound();
            }
            try (ConsumerMember again = instance("returns", group, topic, seen)) {
                awaitBalanced(PARTITIONS, List.of(stays, again));
                assertEquals(had, again.owned());
                assertEquals(Set.of(), stays.lost());
            }
        }
    }

    private static ConsumerMember instance(
            String instance, String group, String topic, ConcurrentLinkedQueue<String> seen) {
        return new ConsumerMember(
                clients, group, seen, m -> m.subscribe(List.of(topic)), "group.instance.id", instance);
    }

    /** KIP-848, SubscribedTopicRegex: the broker sees what matches. */
    @Test
    void topicsAndPartitionsThatAppearAreAssigned() {
        String prefix = Clients.unique("regex");
        clients.topic(prefix + "-a", 2, Map.of());
        clients.topic("not-" + prefix, 2, Map.of());
        var seen = new ConcurrentLinkedQueue<String>();
        try (Admin admin = clients.admin();
                ConsumerMember member = new ConsumerMember(
                        clients,
                        Clients.unique("group"),
                        seen,
                        m -> m.subscribe(new SubscriptionPattern(prefix + "-.*")))) {
            awaitOwned(member, partitions(prefix + "-a", 2));
            clients.topic(prefix + "-b", 1, Map.of());
            awaitOwned(member, partitions(prefix + "-a", 2), partitions(prefix + "-b", 1));
            Clients.get(admin.createPartitions(Map.of(prefix + "-a", NewPartitions.increaseTo(4)))
                    .all());
            awaitOwned(member, partitions(prefix + "-a", 4), partitions(prefix + "-b", 1));
            // Not deleted again: a client that subscribes so asks for metadata by id, and version 4.4.0 of it never
            // speaks again once it
            // is told, as by Kafka, that an id is unknown.
        }
    }

    @Test
    void anIllegalExpressionIsRefusedWithTheReason() {
        try (var consumer = clients.consumer("group.id", Clients.unique("group"), "group.protocol", "consumer")) {
            consumer.subscribe(new SubscriptionPattern("a(b"));
            InvalidRegularExpression refused = assertThrows(InvalidRegularExpression.class, () -> {
                for (long end = System.nanoTime() + 120_000_000_000L; System.nanoTime() < end; ) {
                    consumer.poll(Duration.ofMillis(200));
                }
            });
            assertTrue(refused.getMessage().contains("a(b"), refused.getMessage());
        }
    }

    /** The session of the one ends; the other one's goes on. */
    @Test
    void aMemberThatDiesIsReplacedAndAKilledBrokerGoesOnWithItsGroups() throws Exception {
        try (BrokerProcess own = BrokerProcess.start(
                "consumer-protocol-restart",
                Map.of(
                        "group.consumer.session.timeout.ms", "12000",
                        "group.consumer.min.session.timeout.ms", "12000"))) {
            Clients its = new Clients(own);
            String topic = its.topic("restarted", 4, Map.of());
            List<String> sent = new ArrayList<>();
            var seen = new ConcurrentLinkedQueue<String>();
            try (var producer = its.producer();
                    Admin admin = its.admin();
                    ConsumerMember heir = new ConsumerMember(its, "heirs", seen, m -> m.subscribe(List.of(topic)))) {
                awaitBalanced(4, List.of(heir));
                Process dies = consoleConsumer(own, "heirs", topic);
                try {
                    Clients.await(
                            "the other member has its share", () -> heir.owned().size() == 2);
                } finally {
                    dies.destroyForcibly().waitFor();
                    Children.ended(dies);
                }
                for (int i = 0; i < 100; i++) {
                    sent.add("v" + i);
                    producer.send(new ProducerRecord<>(topic, i % 4, null, "v" + i));
                }
                awaitBalanced(4, List.of(heir));
                Clients.await("all has come", () -> new HashSet<>(seen).containsAll(sent));
                heir.beginRound();
                int epoch = describe(admin, "heirs").groupEpoch().orElseThrow();
                own.kill();
                own.start();
                for (int i = 100; i < 200; i++) {
                    sent.add("v" + i);
                    producer.send(new ProducerRecord<>(topic, i % 4, null, "v" + i));
                }
                Clients.await("it reads on", () -> new HashSet<>(seen).containsAll(sent));
                assertEquals(Set.of(), heir.lost(), "the group survives, and its member notices nothing");
                assertEquals(epoch, describe(admin, "heirs").groupEpoch().orElseThrow());
                Clients.await(
                        "all is committed",
                        () ->
                                Clients.get(admin.listConsumerGroupOffsets("heirs")
                                                        .partitionsToOffsetAndMetadata())
                                                .values()
                                                .stream()
                                                .mapToLong(offset -> offset.offset())
                                                .sum()
                                        == 200);
            }
        }
    }

    /** A member in a process of its own, which can be killed. */
    private static Process consoleConsumer(BrokerProcess broker, String group, String topic) throws IOException {
        List<String> command = KafkaInstall.java("-Xmx128m", "org.apache.kafka.tools.consumer.ConsoleConsumer");
        command.addAll(List.of("--bootstrap-server", broker.bootstrap(), "--topic", topic, "--group", group));
        command.addAll(List.of("--command-property", "group.protocol=consumer"));
        return Children.start(
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD));
    }

    private static ConsumerGroupDescription describe(Admin admin, String group) {
        return Clients.get(admin.describeConsumerGroups(List.of(group)).all()).get(group);
    }

    private static Set<TopicPartition> partitions(String topic, int count) {
        return Set.of(IntStream.range(0, count)
                .mapToObj(p -> new TopicPartition(topic, p))
                .toArray(TopicPartition[]::new));
    }

    @SafeVarargs
    private static void awaitOwned(ConsumerMember member, Set<TopicPartition>... partitions) {
        Set<TopicPartition> expected = new HashSet<>();
        for (Set<TopicPartition> some : partitions) {
            expected.addAll(some);
        }
        Clients.await("it owns " + expected, () -> member.owned().equals(expected));
    }

    /** Every partition is owned once, and no member has fewer than its share rounded down. */
    private static void awaitBalanced(int partitions, List<ConsumerMember> members) {
        Clients.await("balanced over " + members.size() + " members", () -> {
            List<TopicPartition> all = new ArrayList<>();
            for (ConsumerMember member : members) {
                Set<TopicPartition> owned = member.owned();
                all.addAll(owned);
                if (owned.size() < partitions / members.size()) {
                    return false;
                }
            }
            return all.size() == partitions && Set.copyOf(all).size() == partitions;
        });
    }
}
