package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A group goes from the classic to the consumer protocol and back while it consumes (KIP-848, "Migrating to the new protocol"). */
@Timeout(600)
class GroupMigrationIT {
    private static final int PARTITIONS = 4;

    private static BrokerProcess broker;
    private static Clients clients;

    @BeforeAll
    static void start() {
        broker = BrokerProcess.start("group-migration", Map.of());
        clients = new Clients(broker);
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    /** One group, its members, a producer, and what is committed. */
    private static final class Scene implements AutoCloseable {
        final String topic = clients.topic(Clients.unique("migrates"), PARTITIONS, Map.of());
        final String group = Clients.unique("group");
        final ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
        final List<ConsumerMember> members = new ArrayList<>();
        final Admin admin = clients.admin();
        private final String assignor;
        private final Map<TopicPartition, Long> committed = new HashMap<>();
        private final List<String> stepsBack = new ArrayList<>();
        private final Source source = new Source(clients, topic, PARTITIONS);
        private final Thread watcher = new Thread(this::watch, "watcher");
        private volatile boolean watched;

        Scene(String assignor) {
            this.assignor = assignor;
            watcher.start();
        }

        private void watch() {
            while (!watched) {
                Map<TopicPartition, OffsetAndMetadata> now =
                        Clients.get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
                now.forEach((tp, offset) -> {
                    Long before = committed.put(tp, offset.offset());
                    if (before != null && before > offset.offset()) {
                        stepsBack.add(tp + ": " + offset.offset() + " after " + before);
                    }
                });
            }
        }

        void comes(String protocol) {
            List<String> more = new ArrayList<>(List.of("group.protocol", protocol));
            if (protocol.equals("classic")) {
                more.addAll(List.of("partition.assignment.strategy", assignor, "heartbeat.interval.ms", "500"));
            }
            members.add(new ConsumerMember(
                    clients, group, seen, m -> m.subscribe(List.of(topic)), more.toArray(String[]::new)));
        }

        void firstLeaves() {
            members.remove(0).close();
        }

        /** All members share the topic and read on, and the group is of a protocol. */
        void settled(GroupType type) {
            Clients.await("balanced over " + members.size() + " members", () -> {
                List<TopicPartition> all = new ArrayList<>();
                members.forEach(member -> all.addAll(member.owned()));
                return all.size() == PARTITIONS
                        && Set.copyOf(all).size() == PARTITIONS
                        && members.stream().allMatch(member -> member.owned().size() == PARTITIONS / members.size());
            });
            int read = seen.size();
            Clients.await("the members read on", () -> seen.size() > read + 10 * PARTITIONS);
            Clients.await(
                    "the group is " + type, () -> Clients.get(admin.listGroups().all()).stream()
                            .anyMatch(g -> g.groupId().equals(group) && g.type().equals(Optional.of(type))));
        }

        private void endWatcher() {
            watched = true;
            try {
                watcher.join(120_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        /** Nothing is lost, and no commit took another one back. */
        void allHasCome() {
            Set<String> sent = source.end();
            Clients.await("every record has come", () -> new HashSet<>(seen).size() >= sent.size());
            members.forEach(ConsumerMember::close);
            members.clear();
            endWatcher();
            assertEquals(sent, new HashSet<>(seen));
            assertEquals(List.of(), stepsBack);
            assertTrue(seen.size() < 2 * sent.size(), seen.size() + " records came of " + sent.size());
        }

        @Override
        public void close() {
            endWatcher();
            members.forEach(ConsumerMember::close);
            admin.close();
            source.close();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "org.apache.kafka.clients.consumer.RangeAssignor",
                "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
            })
    void membersAreReplacedOneByOneThereAndBack(String assignor) {
        try (Scene scene = new Scene(assignor)) {
            scene.comes("classic");
            scene.comes("classic");
            scene.settled(GroupType.CLASSIC);
            for (String protocol : new String[] {"consumer", "consumer", "classic"}) {
                // The newcomer first: it meets members of the other protocol.
                scene.comes(protocol);
                scene.firstLeaves();
                scene.settled(GroupType.CONSUMER);
            }
            scene.comes("classic");
            scene.firstLeaves();
            scene.settled(GroupType.CLASSIC);
            scene.allHasCome();
        }
    }
}
