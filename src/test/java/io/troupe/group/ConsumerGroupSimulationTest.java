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
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroup;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroupMember;
import org.apache.kafka.common.protocol.Errors;
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
    private static final List<String> TOPICS = List.of("t0", "t1", "t2", "u0", "u1");

    /** Who is in the group. */
    enum Members {
        CONSUMERS,
        /** Of both protocols (KIP-848, "Migrating to the new protocol"). */
        MIXED,
        /** Now and then one speaks the other protocol from its next start on; in the end perhaps all speak the same. */
        CHANGING
    }

    @TestFactory
    List<DynamicTest> runs() {
        return runs(Members.CONSUMERS, 100);
    }

    @TestFactory
    List<DynamicTest> mixedRuns() {
        return runs(Members.MIXED, 60);
    }

    @TestFactory
    List<DynamicTest> changingRuns() {
        return runs(Members.CHANGING, 100);
    }

    private static List<DynamicTest> runs(Members members, int count) {
        String seed = System.getProperty("seed");
        LongStream seeds = seed == null
                ? LongStream.range(0, Integer.getInteger("rounds", count))
                : LongStream.of(Long.parseLong(seed));
        return seeds.mapToObj(s -> DynamicTest.dynamicTest("seed " + s, () -> new Run(s, members).go()))
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

        private final Members members;
        private int processes;
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
        /** Generations of a classic group in which somebody heard its part. */
        private final TreeSet<Integer> heardGenerations = new TreeSet<>();
        /** That a classic group was given when it began: up to it members were led by their coordinator. */
        private int firstGeneration;

        MetadataImage image = MetadataImage.empty();
        private boolean topicsWentAway;
        private final GroupMachines machines;
        GroupCore group;

        Run(long seed, Members members) {
            random = new Random(seed);
            this.members = members;
            for (int i = 0; i < 3; i++) {
                changeTopics();
            }
            machines = new GroupMachines(
                    GroupFixture.config(0, Integer.MAX_VALUE),
                    new ConsumerGroup.Surroundings(() -> image, () -> 1, new TopicRegexes(), () -> "given-" + ids++),
                    prefix -> prefix + "-" + ids++);
            group = machines.first(CommittedGroup.empty(GroupFixture.ID), GroupEvents.NONE, nowMs);
            for (int i = 0; i < 5; i++) {
                consumers.add(null);
                start(i, members == Members.CONSUMERS || members == Members.MIXED && i % 2 == 1);
            }
        }

        /** A new process, with the instance id of the place if it has one. */
        private void start(int place, boolean asConsumer) {
            String instance = place >= 3 ? "instance-" + place : null;
            consumers.set(
                    place,
                    asConsumer
                            ? new SimulatedConsumer(this, "member-" + processes++, instance)
                            : new SimulatedClassic(this, instance, place == 2));
        }

        private void restart(int place, boolean asConsumer) {
            consumers.get(place).end();
            start(place, asConsumer);
        }

        boolean fault(double probability) {
            return faults && random.nextDouble() < probability;
        }

        void go() {
            for (int step = 0; step < 500; step++) {
                holdAppends = fault(0.4);
                step(random.nextInt(1500));
                if (members == Members.CHANGING && fault(0.02)) {
                    restart(random.nextInt(consumers.size()), random.nextBoolean());
                }
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
            GroupRequest asking = request.apply(asked);
            GroupMachines.Turn turn = machines.before(asking, group, nowMs);
            become(turn);
            if (turn.isReady()) {
                run(group.handle(asking, nowMs));
            } else {
                asking.refuse(Errors.COORDINATOR_NOT_AVAILABLE);
            }
            return asked;
        }

        private void become(GroupMachines.Turn turn) {
            if (turn.machine() != group) {
                group = turn.machine();
                heardMs.clear();
                toldEpoch = 0;
                heardGenerations.clear();
                firstGeneration = group instanceof ClassicGroup classic ? classic.generation() : 0;
            }
            if (!turn.effects().isEmpty()) {
                run(turn.effects());
            }
        }

        private void run(List<Effect> effects) {
            GroupCore machine = group;
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
                    renew();
                }
            }
            if (!holdAppends) {
                decideAppends();
            }
            machines.downgrade(group, nowMs).ifPresent(this::become);
        }

        /** The machine ran ahead of what could be stored: a new one begins where the log stands. */
        private void renew() {
            for (Effect effect : group.end(Errors.COORDINATOR_NOT_AVAILABLE)) {
                if (effect instanceof Effect.Refuse parked) {
                    parked.request().refuse(parked.error());
                }
            }
            appends.forEach(Run::refuse);
            begin();
        }

        private void begin() {
            appends.clear();
            heardMs.clear();
            group = machines.first(replayed(), GroupEvents.NONE, nowMs);
            run(group.topicsChanged(nowMs));
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
                } else if (group instanceof ClassicGroup
                        && (append.then() == Effect.Converted.CONVERTED || logged().consumers() != null)) {
                    // The classic machine rests on records that are not in the log.
                    refuse(append);
                    renew();
                    return;
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
            CommittedGroup all = logged();
            assertEquals(all, CommittedGroup.empty(GroupFixture.ID).with(List.copyOf(last.values())), "compacted");
            return all;
        }

        private CommittedGroup logged() {
            return CommittedGroup.empty(GroupFixture.ID).with(log);
        }

        /** A coordinator elsewhere takes over with what is in the log; of what was under way some may have come there. */
        private void failOver() {
            if (appends.isEmpty()) {
                standsWhereTheLogSays();
            }
            while (!appends.isEmpty() && random.nextBoolean()) {
                write(appends.poll());
            }
            begin();
        }

        private void standsWhereTheLogSays() {
            if (group instanceof ConsumerGroup before
                    && machines.first(replayed(), GroupEvents.NONE, nowMs) instanceof ConsumerGroup read) {
                assertEquals(before.epoch(), read.epoch());
                memberIds.forEach(id -> assertEquals(before.current(id), read.current(id)));
            }
        }

        boolean knows(String memberId) {
            return group instanceof ConsumerGroup consumers
                    ? consumers.current(memberId) != null
                    : classicMembers().contains(memberId);
        }

        private Set<String> classicMembers() {
            Asked<DescribedGroup> described = new Asked<>();
            run(group.handle(new GroupRequest.Describe(GroupFixture.ID, (short) 5, described), nowMs));
            return described.now().members().stream()
                    .map(DescribedGroupMember::memberId)
                    .collect(Collectors.toSet());
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
            Integer before = heardGenerations.lower(group.generation());
            for (SimulatedMember consumer : consumers) {
                if (consumer instanceof SimulatedClassic classic
                        && known.contains(consumer.memberId())
                        && consumer.epoch() == group.generation()
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
