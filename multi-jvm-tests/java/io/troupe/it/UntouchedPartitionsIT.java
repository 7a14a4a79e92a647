package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.troupe.it.RebalanceLog.Member;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Ten partitions under a steady producer, whose group has one member, then ten, three and ten again (KIP-429, KIP-848): between
 * two rebalances each record comes to one member, all come to somebody, and what a member keeps is not taken from it and read on
 * while the others change places.
 */
@Timeout(600)
class UntouchedPartitionsIT {
    private static final int PARTITIONS = 10;

    private static BrokerProcess broker;
    private static Clients clients;

    @BeforeAll
    static void start() {
        broker = BrokerProcess.start("untouched-partitions", Map.of());
        clients = new Clients(broker);
    }

    @AfterAll
    static void stop() {
        broker.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"consumer", "cooperative"})
    void whatAMemberKeepsIsReadOnWhileOthersChangePlaces(String protocol) {
        String topic = clients.topic(Clients.unique("untouched"), PARTITIONS, Map.of());
        String group = Clients.unique("group");
        RebalanceLog log = new RebalanceLog();
        List<Member> members = new ArrayList<>();
        try (Source source = new Source(clients, topic, PARTITIONS)) {
            for (int count : new int[] {1, 10, 3, 10}) {
                int begin = log.size();
                List<Member> stay = List.copyOf(members.subList(0, Math.min(count, members.size())));
                Map<Member, Set<TopicPartition>> before = new HashMap<>();
                stay.forEach(m -> before.put(m, m.owned()));
                while (members.size() > count) {
                    members.remove(members.size() - 1).close();
                }
                List<Member> come = new ArrayList<>();
                while (members.size() < count) {
                    // The first newcomer keeps the rebalance going until it is seen that the others read on.
                    Runnable onFirstAssignment =
                            come.isEmpty() && !stay.isEmpty() ? () -> awaitReadingOn(stay, log) : () -> {};
                    Member member = new Member(client(protocol, group), topic, log, onFirstAssignment);
                    come.add(member);
                    members.add(member);
                }
                come.forEach(Member::start);
                awaitBalanced(members);
                int end = log.size();
                for (Member member : stay) {
                    Set<TopicPartition> kept = new HashSet<>(before.get(member));
                    kept.retainAll(member.owned());
                    assertFalse(kept.isEmpty(), "somebody who stays keeps something");
                    assertEquals(
                            Set.of(), log.revoked(member, kept, begin, end), "what a member keeps is never revoked");
                    System.out.printf(
                            "%s, to %d members: of %d kept partitions of one member none stood still for more than %d ms%n",
                            protocol, count, kept.size(), log.longestPauseMs(member, kept, begin, end));
                }
                log.awaitRecords(members, 5);
            }
            Set<String> sent = source.end();
            Clients.await("every record has come", () -> log.values().containsAll(sent));
            members.forEach(Member::close);
            assertEquals(sent, log.values());
            log.oneReaderAtATime();
            if (protocol.equals("consumer")) {
                assertEquals(sent.size(), log.records(), "each came once");
            }
        } finally {
            members.forEach(Member::interrupt);
        }
    }

    private static KafkaConsumer<String, String> client(String protocol, String group) {
        return protocol.equals("consumer")
                ? clients.consumer("group.id", group, "group.protocol", "consumer")
                : clients.consumer(
                        "group.id",
                        group,
                        "heartbeat.interval.ms",
                        "300",
                        "partition.assignment.strategy",
                        CooperativeStickyAssignor.class.getName());
    }

    /** Each partition of each of them gives five more records, unless it is taken away meanwhile. */
    private static void awaitReadingOn(List<Member> members, RebalanceLog log) {
        Map<Member, Set<TopicPartition>> now = new HashMap<>();
        members.forEach(m -> now.put(m, m.owned()));
        int from = log.size();
        Clients.await("who was there reads on", () -> {
            for (Member member : members) {
                Set<TopicPartition> waits = new HashSet<>(now.get(member));
                waits.retainAll(member.owned());
                waits.removeIf(p -> log.recordsOf(member, p, from) >= 5);
                if (!waits.isEmpty()) {
                    return false;
                }
            }
            return true;
        });
    }

    private static void awaitBalanced(List<Member> members) {
        Clients.await("balanced over " + members.size() + " members", () -> {
            List<TopicPartition> all = new ArrayList<>();
            for (Member member : members) {
                all.addAll(member.owned());
                if (member.owned().size() < PARTITIONS / members.size()) {
                    return false;
                }
            }
            return all.size() == PARTITIONS && Set.copyOf(all).size() == PARTITIONS;
        });
    }
}
