package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.ConsumerGroupConfig;
import io.troupe.group.GroupFixture.Asked;
import io.troupe.group.SimulatedConsumer.Part;
import io.troupe.group.assignor.TopicRegexes;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Random members against one group of the consumer protocol (KIP-848): they join, leave, fall silent, change what they are
 * subscribed to and the assignor, lose and repeat requests and are slow to give partitions up, while topics come, grow and go,
 * appends are held back or refused, and the coordinator moves and reads what is stored, compacted or not. Whatever happens: a
 * partition has one owner, nobody owns what the group does not know it to, epochs and committed offsets never go back, who is
 * silent is out after its session, and once the faults end everybody settles and every subscribed partition is owned. {@code
 * -Dseed=} replays one run, {@code -Drounds=} makes more of them.
 */
class ConsumerGroupSimulationTest {
    private static final int SESSION_MS = ConsumerGroupConfig.DEFAULTS.sessionTimeoutMs();
    private static final List<String> TOPICS = List.of("t0", "t1", "t2", "u0", "u1");

    @TestFactory
    List<DynamicTest> runs() {
        return runs(false, 100);
    }

    /** Members of both protocols in one group (KIP-848, "Migrating to the new protocol"). */
    @TestFactory
    List<DynamicTest> mixedRuns() {
        return runs(true, 60);
    }

    private static List<DynamicTest> runs(boolean mixed, int count) {
        String seed = System.getProperty("seed");
        LongStream seeds = seed == null
                ? LongStream.range(0, Integer.getInteger("rounds", count))
                : LongStream.of(Long.parseLong(seed));
        return seeds.mapToObj(s -> DynamicTest.dynamicTest("seed " + s, () -> new Run(s, mixed).go()))
                .toList();
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

    /** One group, its log, the cluster's topics and the clock. */
    static final class Run {
        final Random random;
        final List<SimulatedMember> consumers = new ArrayList<>();
        /** Every id there ever was. */
        final Set<String> memberIds = new TreeSet<>();
        /** When each member was last heard of, or later. */
        final Map<String, Long> heardMs = new HashMap<>();

        final Map<Part, Long> highest = new HashMap<>();
        final List<GroupRecord> log = new ArrayList<>();
        private final Deque<Effect.Append> appends = new ArrayDeque<>();
        boolean faults = true;
        boolean holdAppends;
        long nowMs = 1_000_000;
        /** The highest that anybody was told. */
        int toldEpoch;

        private int ids;

        MetadataImage image = MetadataImage.empty();
        private boolean topicsWentAway;
        ConsumerGroup group;

        Run(long seed, boolean mixed) {
            random = new Random(seed);
            for (int i = 0; i < 3; i++) {
                changeTopics();
            }
            group = machine(CommittedGroup.empty(GroupFixture.ID));
            for (int i = 0; i < 5; i++) {
                String instance = i >= 3 ? "instance-" + i : null;
                consumers.add(
                        mixed && i % 2 == 0
                                ? new SimulatedClassic(this, instance, i == 2)
                                : new SimulatedConsumer(this, "member-" + i, instance));
            }
        }

        private ConsumerGroup machine(CommittedGroup from) {
            heardMs.clear();
            return new ConsumerGroup(
                    from,
                    GroupFixture.config(0, Integer.MAX_VALUE),
                    new ConsumerGroup.Surroundings(() -> image, () -> 1, new TopicRegexes(), () -> "given-" + ids++),
                    0,
                    GroupEvents.NONE,
                    nowMs);
        }

        boolean fault(double probability) {
            return faults && random.nextDouble() < probability;
        }

        void go() {
            for (int step = 0; step < 500; step++) {
                holdAppends = fault(0.4);
                step(random.nextInt(1500));
                if (fault(0.02)) {
                    changeTopics();
                    run(group.topicsChanged(nowMs));
                }
                if (fault(0.01)) {
                    failOver();
                }
            }
            faults = false;
            holdAppends = false;
            // The last silent member's session and the slowest rebalance, and some.
            for (int step = 0; step < 150; step++) {
                step(1000);
            }
            settled();
        }

        private void step(int ms) {
            decideAppends();
            long until = nowMs + ms;
            while (group.nextDeadlineMs() <= until) {
                nowMs = Math.max(nowMs, group.nextDeadlineMs());
                run(group.tick(nowMs));
            }
            nowMs = until;
            if (topicsWentAway && group.appending() == 0) {
                topicsWentAway = false;
                run(group.checkTopics(
                        topic -> image.topic(topic).map(TopicImage::topicId).orElse(null), nowMs));
            }
            for (SimulatedMember consumer : consumers) {
                consumer.step();
                check();
            }
        }

        /** A topic is made, gets more partitions, or goes. */
        private void changeTopics() {
            String name = TOPICS.get(random.nextInt(TOPICS.size()));
            TopicImage topic = image.topic(name).orElse(null);
            if (topic == null) {
                Uuid id = new Uuid(random.nextLong(), random.nextLong());
                apply(new MetadataEvent.TopicCreated(
                        new TopicImage(name, id, partitions(0, 1 + random.nextInt(6)), Map.of())));
            } else if (random.nextInt(3) > 0) {
                int count = topic.partitions().size();
                apply(new MetadataEvent.PartitionsChanged(topic.topicId(), partitions(count, count + 2)));
            } else if (image.topics().size() > 1) {
                apply(new MetadataEvent.TopicDeleted(topic.topicId()));
                topicsWentAway = true;
            }
        }

        private void apply(MetadataEvent event) {
            image = image.apply(image.index() + 1, event);
        }

        private static List<PartitionImage> partitions(int from, int end) {
            return IntStream.range(from, end)
                    .mapToObj(p -> new PartitionImage(p, List.of(1), 1, 0, 0, List.of(1), List.of(), List.of()))
                    .toList();
        }

        <T> Asked<T> ask(Function<Asked<T>, GroupRequest> request) {
            Asked<T> asked = new Asked<>();
            run(group.handle(request.apply(asked), nowMs));
            return asked;
        }

        private void run(List<Effect> effects) {
            ConsumerGroup machine = group;
            for (Effect effect : effects) {
                if (effect instanceof Effect.Answer<?> answer) {
                    answer.give();
                } else if (effect instanceof Effect.Refuse refuse) {
                    refuse.request().refuse(refuse.error());
                } else if (effect instanceof Effect.Append append) {
                    if (group == machine) {
                        appends.add(append);
                    } else {
                        refuse(append);
                    }
                } else if (effect == Effect.Renew.RENEW) {
                    List<Effect.Append> rest = List.copyOf(appends);
                    appends.clear();
                    rest.forEach(Run::refuse);
                    group = machine(replayed());
                    run(group.topicsChanged(nowMs));
                }
            }
            if (!holdAppends) {
                decideAppends();
            }
        }

        private static void refuse(Effect.Append append) {
            if (append.then() instanceof Effect.ThenAnswer<?> then) {
                then.give(Errors.COORDINATOR_NOT_AVAILABLE);
            }
        }

        private void decideAppends() {
            while (!appends.isEmpty()) {
                Effect.Append append = appends.poll();
                boolean fails = !append.records().isEmpty() && fault(0.02);
                if (!fails) {
                    write(append);
                }
                run(group.appended(append, fails ? Errors.COORDINATOR_NOT_AVAILABLE : Errors.NONE, nowMs));
            }
        }

        private void write(Effect.Append append) {
            // Through bytes and back, as the log would do it.
            append.records().forEach(r -> log.add(GroupRecords.read(GroupRecords.key(r), GroupRecords.value(r))));
        }

        /** What stands in the log, read as it is or with only the last record of each key. */
        private CommittedGroup replayed() {
            Map<ByteBuffer, GroupRecord> last = new LinkedHashMap<>();
            for (GroupRecord record : log) {
                ByteBuffer key = GroupRecords.key(record);
                last.remove(key);
                last.put(key, record);
            }
            CommittedGroup all = CommittedGroup.empty(GroupFixture.ID).with(log);
            assertEquals(all, CommittedGroup.empty(GroupFixture.ID).with(List.copyOf(last.values())), "compacted");
            return all;
        }

        /** A coordinator elsewhere takes over with what is in the log; of what was under way some may have come there. */
        private void failOver() {
            if (appends.isEmpty()) {
                standsWhereTheLogSays();
            }
            while (!appends.isEmpty() && random.nextBoolean()) {
                write(appends.poll());
            }
            appends.clear();
            group = machine(replayed());
            run(group.topicsChanged(nowMs));
        }

        private void standsWhereTheLogSays() {
            ConsumerGroup before = group;
            group = machine(replayed());
            assertEquals(before.epoch(), group.epoch());
            memberIds.forEach(id -> assertEquals(before.current(id), group.current(id)));
        }

        static void own(Map<Part, String> owners, Part part, String owner) {
            String other = owners.putIfAbsent(part, owner);
            assertTrue(other == null || other.equals(owner), () -> part + " belongs to " + other + " and " + owner);
        }

        private void check() {
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
                    consumer.owned()
                            .keySet()
                            .forEach(part -> assertEquals(
                                    consumer.memberId(), owners.get(part), () -> "the group knows who has " + part));
                }
            }
            assertTrue(group.epoch() >= toldEpoch, "the group's epoch went back to " + group.epoch());
            highest.forEach((part, offset) -> {
                if (image.topic(part.topicId()).isPresent()) {
                    assertTrue(committed(part) >= offset, () -> "the offset of " + part + " went back");
                }
            });
        }

        static Set<Part> parts(Map<Uuid, Map<Integer, Integer>> assigned) {
            Set<Part> parts = new HashSet<>();
            assigned.forEach((topic, epochs) -> epochs.keySet().forEach(p -> parts.add(new Part(topic, p))));
            return parts;
        }

        /** As acknowledged; -1 for none. */
        long committed(Part part) {
            CommittedOffset offset = image.topic(part.topicId())
                    .map(topic -> group.committed().offset(topic.name(), part.partition()))
                    .filter(o -> o.topicId().equals(part.topicId()))
                    .orElse(null);
            return offset == null ? -1 : offset.offset();
        }

        private void settled() {
            assertEquals("Stable", group.stateText());
            Map<Part, String> owners = new HashMap<>();
            Set<Part> subscribed = new HashSet<>();
            for (SimulatedMember consumer : consumers) {
                assertEquals(group.epoch(), consumer.epoch(), "everybody is in the group's epoch");
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
            assertEquals(group.committed(), replayed(), "what is acknowledged is what the log says");
        }
    }
}
