package io.troupe.group.assignor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.assignor.PartitionAssignor.Member;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;

/** A group whose members live on what an assignor gives them; each assignment is checked for what always holds. */
final class Assigned {
    final PartitionAssignor assignor;
    /** Partitions by topic. */
    final Map<Uuid, Integer> topics = new HashMap<>();

    final Map<String, Member> members = new TreeMap<>();

    Assigned(PartitionAssignor assignor) {
        this.assignor = assignor;
    }

    /** Topics are told apart by number. */
    static Uuid topic(int number) {
        return new Uuid(7, number);
    }

    Assigned topic(int number, int partitions) {
        topics.put(topic(number), partitions);
        return this;
    }

    Assigned join(String member, Set<Uuid> subscription) {
        return join(member, null, subscription);
    }

    Assigned join(String member, String instance, Set<Uuid> subscription) {
        members.put(member, new Member(member, instance, subscription, Map.of()));
        return this;
    }

    void subscribe(String member, Set<Uuid> subscription) {
        Member m = members.get(member);
        members.put(member, new Member(member, m.instanceId(), subscription, m.target()));
    }

    /** Assigns and checks; returns how many partitions changed from one living owner to another. */
    int assign() {
        Map<TopicPartition, String> before = owners(members.values());
        Map<String, Map<Uuid, Set<Integer>>> assigned =
                assignor.assign(members.values(), topic -> topics.getOrDefault(topic, -1));
        assertEquals(members.keySet(), assigned.keySet());
        members.replaceAll((id, m) -> {
            Map<Uuid, Set<Integer>> target = assigned.get(id);
            assertTrue(target == m.target() || !target.equals(m.target()), "an unchanged target is the same instance");
            return new Member(id, m.instanceId(), m.subscribedTopicIds(), target);
        });
        check();
        Map<TopicPartition, String> after = owners(members.values());
        return (int) before.entrySet().stream()
                .filter(e -> members.containsKey(e.getValue()) && !e.getValue().equals(after.get(e.getKey())))
                .count();
    }

    private void check() {
        Set<TopicPartition> expected = new HashSet<>();
        for (Member m : members.values()) {
            assertTrue(m.subscribedTopicIds().containsAll(m.target().keySet()), "nobody has a foreign topic");
            for (Uuid topic : m.subscribedTopicIds()) {
                for (int p = 0; p < topics.getOrDefault(topic, 0); p++) {
                    expected.add(new TopicPartition(topic.toString(), p));
                }
            }
            m.target().values().forEach(partitions -> {
                assertTrue(!partitions.isEmpty());
                assertEquals(List.copyOf(new TreeSet<>(partitions)), List.copyOf(partitions), "ascending");
            });
        }
        assertEquals(
                expected, owners(members.values()).keySet(), "each subscribed partition is owned, and nothing else");
    }

    private static Map<TopicPartition, String> owners(Collection<Member> members) {
        Map<TopicPartition, String> owners = new HashMap<>();
        for (Member m : members) {
            m.target()
                    .forEach((topic, partitions) -> partitions.forEach(p -> assertNull(
                            owners.put(new TopicPartition(topic.toString(), p), m.memberId()), "two owners of " + p)));
        }
        return owners;
    }

    int load(String member) {
        return members.get(member).target().values().stream()
                .mapToInt(Set::size)
                .sum();
    }

    /** Of a topic, by member in the order of ids. */
    List<Set<Integer>> of(int topic) {
        return members.values().stream()
                .<Set<Integer>>map(m -> m.target().getOrDefault(topic(topic), Set.of()))
                .toList();
    }

    /** Loads in the order of members' ids. */
    List<Integer> loads() {
        return members.keySet().stream().map(this::load).toList();
    }
}
