package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.ConsumerGroupConfig;
import io.troupe.group.SimulatedConsumer.Part;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Random members against one group of the consumer protocol (KIP-848), or one that changes between it and the classic protocol:
 * they join, leave, fall silent, change what they are
 * subscribed to and the assignor, lose and repeat requests and are slow to give partitions up, while topics come, grow and go,
 * appends are held back or refused, and the coordinator moves and reads what is stored, compacted or not. Whatever happens: a
 * partition has one owner, nobody owns what the group does not know it to, epochs and committed offsets never go back, who is
 * silent is out after its session, and once the faults end everybody settles and every subscribed partition is owned. {@code
 * -Dseed=} replays one run, {@code -Drounds=} makes more of them.
 */
class ConsumerGroupSimulationTest {
    private static final int SESSION_MS = ConsumerGroupConfig.DEFAULTS.sessionTimeoutMs();

    /** Who is in the group. */
    enum Members {
        CONSUMERS,
        /** Of both protocols (KIP-848, "Migrating to the new protocol"). */
        MIXED,
        /** One after the other speaks the other protocol from its next start on, and then back; in the end perhaps all speak the same. */
        CHANGING
    }

    @TestFactory
    List<DynamicTest> runs() {
        return runs(Members.CONSUMERS, 60);
    }

    @TestFactory
    List<DynamicTest> mixedRuns() {
        return runs(Members.MIXED, 40);
    }

    @TestFactory
    List<DynamicTest> changingRuns() {
        return runs(Members.CHANGING, 60);
    }

    private static List<DynamicTest> runs(Members members, int count) {
        String seed = System.getProperty("seed");
        LongStream seeds = seed == null
                ? LongStream.range(0, Integer.getInteger("rounds", count))
                : LongStream.of(Long.parseLong(seed));
        return seeds.mapToObj(s -> DynamicTest.dynamicTest("seed " + s, () -> new Run(s, members).go()))
                .toList();
    }

    @Test
    void groupsChangeInBothDirections() {
        Set<String> became = new HashSet<>();
        for (long seed = 0; seed < 5; seed++) {
            Run run = new Run(seed, Members.CHANGING);
            run.go();
            became.addAll(run.became);
        }
        assertEquals(Set.of(ClassicGroup.TYPE, ConsumerGroup.TYPE), became);
    }

    /** The check itself must be able to fail. */
    @Test
    void twoOwnersAreSeen() {
        Map<Part, String> owners = new HashMap<>();
        Part part = new Part(Uuid.ONE_UUID, 0);
        Run.own(owners, part, "a");
        boolean seen = false;
        try {
            Run.own(owners, part, "b");
        } catch (AssertionError expected) {
            seen = true;
        }
        assertTrue(seen);
    }

    /** A group with five members, and what must hold of them whatever happens. */
    static final class Run extends SimulatedGroup {
        private final List<SimulatedMember> consumers = new ArrayList<>();
        private final Members members;
        private int processes;
        /** What is rolled out, or back, at the moment. */
        private boolean towardsConsumers;

        Run(long seed, Members members) {
            super(seed);
            this.members = members;
            for (int i = 0; i < 5; i++) {
                consumers.add(null);
                start(i, members == Members.CONSUMERS || members == Members.MIXED && i % 2 == 1);
            }
        }

        /**
         * A new process, with the instance id of the place if it has one. Static members that speak classic are eager: one that
         * is away in a cooperative rebalance is believed by its leader to have what it had when it last joined, and that is for
         * clients to sort out.
         */
        private void start(int place, boolean asConsumer) {
            String instance = place >= 3 ? "instance-" + place : null;
            consumers.set(
                    place,
                    asConsumer
                            ? new SimulatedConsumer(this, "member-" + processes++, instance)
                            : new SimulatedClassic(this, instance, place >= 2));
        }

        private static void loseConnection(SimulatedMember consumer) {
            if (consumer instanceof SimulatedClassic classic) {
                classic.loseConnection();
            }
        }

        private void restart(int place, boolean asConsumer) {
            consumers.get(place).end();
            loseConnection(consumers.get(place));
            start(place, asConsumer);
        }

        void go() {
            for (int step = 0; step < 500; step++) {
                holdAppends = fault(0.4);
                step(random.nextInt(1500));
                if (members == Members.CHANGING) {
                    towardsConsumers ^= fault(0.01);
                    int place = random.nextInt(consumers.size());
                    if (fault(0.3) && consumers.get(place) instanceof SimulatedConsumer != towardsConsumers) {
                        restart(place, towardsConsumers);
                    }
                }
                if (fault(0.02)) {
                    changeTopics();
                    run(group.topicsChanged(nowMs));
                }
                if (fault(0.01)) {
                    failOver();
                    consumers.forEach(Run::loseConnection);
                }
            }
            faults = false;
            holdAppends = false;
            int last = members == Members.CHANGING ? random.nextInt(3) : 2;
            for (int place = 0; place < consumers.size() && last < 2; place++) {
                if (consumers.get(place) instanceof SimulatedConsumer != (last == 1)) {
                    restart(place, last == 1);
                }
                step(random.nextInt(1500));
            }
            // The last silent member's session and the slowest rebalance, and some.
            for (int step = 0; step < 150; step++) {
                step(1000);
            }
            settled();
        }

        private void step(int ms) {
            pass(ms);
            for (SimulatedMember consumer : consumers) {
                consumer.step();
                check();
            }
        }

        static void own(Map<Part, String> owners, Part part, String owner) {
            String other = owners.putIfAbsent(part, owner);
            assertTrue(other == null || other.equals(owner), () -> part + " belongs to " + other + " and " + owner);
        }

        private void check() {
            if (group instanceof ConsumerGroup consumers) {
                check(consumers);
            } else {
                check((ClassicGroup) group);
            }
            highest.forEach((part, offset) -> {
                if (image.topic(part.topicId()).isPresent()) {
                    assertTrue(committed(part) >= offset, () -> "the offset of " + part + " went back");
                }
            });
        }

        private void check(ConsumerGroup group) {
            Map<Part, String> owners = new HashMap<>();
            for (String id : memberIds) {
                CurrentAssignment current = group.current(id);
                if (current != null) {
                    parts(current.assigned()).forEach(part -> own(owners, part, id));
                    parts(current.revoking()).forEach(part -> own(owners, part, id));
                    assertTrue(current.memberEpoch() <= group.epoch(), "a member is ahead of its group");
                    long silentMs = nowMs - heardMs.computeIfAbsent(id, i -> nowMs);
                    assertTrue(silentMs <= SESSION_MS, () -> id + " is silent for " + silentMs + " ms");
                }
            }
            for (SimulatedMember consumer : consumers) {
                // Who is out and has not heard of it yet still reads, but is refused when it commits.
                if (group.current(consumer.memberId()) != null) {
                    ownedNow(consumer)
                            .forEach(part -> assertTrue(
                                    consumer.mayHave(part, owners.get(part)),
                                    () -> consumer.memberId() + " has " + part + " of " + owners.get(part)));
                }
            }
            assertTrue(group.epoch() >= toldEpoch, "the group's epoch went back to " + group.epoch());
        }

        /** Who missed a generation may still read, and is refused when it commits. */
        private void check(ClassicGroup group) {
            Map<Part, String> owners = new HashMap<>();
            Set<String> known = classicMembers();
            for (SimulatedMember consumer : consumers) {
                if (consumer instanceof SimulatedClassic classic && known.contains(consumer.memberId())) {
                    heardGenerations.add(classic.heardGeneration());
                }
            }
            for (SimulatedMember consumer : consumers) {
                if (consumer instanceof SimulatedClassic classic && classic.isHeld()) {
                    assertTrue(
                            group.state() == ClassicGroup.State.STABLE
                                    || nowMs - group.stateSinceMs() <= GroupJoins.GATHER_MOST_MS,
                            "somebody waits who has something to hear");
                    assertEquals(group.generation(), consumer.epoch());
                    assertTrue(known.contains(consumer.memberId()));
                }
            }
            Integer before = heardGenerations.lower(group.generation());
            for (SimulatedMember consumer : consumers) {
                if (consumer instanceof SimulatedClassic classic
                        && known.contains(consumer.memberId())
                        && consumer.epoch() == group.generation()
                        && !classic.mayHaveMissedAGeneration()
                        && (before == null || classic.heardGeneration() >= before || before <= firstGeneration)) {
                    ownedNow(consumer).forEach(part -> own(owners, part, consumer.memberId()));
                }
            }
        }

        /** Without partitions of topics that are no more: by name a classic member may go on with the topic that took the place. */
        private Stream<Part> ownedNow(SimulatedMember consumer) {
            return consumer.owned().keySet().stream()
                    .filter(part -> image.topic(part.topicId()).isPresent());
        }

        static Set<Part> parts(Map<Uuid, Map<Integer, Integer>> assigned) {
            Set<Part> parts = new HashSet<>();
            assigned.forEach((topic, epochs) -> epochs.keySet().forEach(p -> parts.add(new Part(topic, p))));
            return parts;
        }

        private void settled() {
            assertEquals("Stable", group.stateText());
            boolean anyConsumer = consumers.stream().anyMatch(SimulatedConsumer.class::isInstance);
            assertEquals(anyConsumer, group instanceof ConsumerGroup, "the protocol that the members speak");
            int epoch = group instanceof ConsumerGroup consumerGroup
                    ? consumerGroup.epoch()
                    : ((ClassicGroup) group).generation();
            Map<Part, String> owners = new HashMap<>();
            Set<Part> subscribed = new HashSet<>();
            for (SimulatedMember consumer : consumers) {
                assertEquals(epoch, consumer.epoch(), "everybody is in the group's epoch");
                for (Part part : consumer.owned().keySet()) {
                    assertNull(owners.put(part, consumer.memberId()), "two owners of " + part);
                    assertTrue(
                            consumer.isSubscribedTo(
                                    image.topic(part.topicId()).orElseThrow().name()),
                            "a foreign topic");
                }
                image.topics().values().stream()
                        .filter(topic -> consumer.isSubscribedTo(topic.name()))
                        .forEach(topic -> topic.partitions()
                                .forEach(p -> subscribed.add(new Part(topic.topicId(), p.partition()))));
            }
            assertEquals(subscribed, owners.keySet(), "every subscribed partition is owned");
            // All but the bytes that classic members' words are.
            CommittedGroup read = replayed();
            assertEquals(group.committed().offsets(), read.offsets(), "what is acknowledged is what the log says");
            assertEquals(group.committed().consumers(), read.consumers());
            assertEquals(group.committed().metadata() == null, read.metadata() == null);
        }
    }
}
