package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroup;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroupMember;
import org.apache.kafka.common.protocol.Errors;

/**
 * One group of either protocol, its log, the cluster's topics, the clock and the dice: appends are held back or refused, and the
 * coordinator moves and reads what is stored, compacted or not. Also what its members note down for the checks.
 */
class SimulatedGroup {
    private static final List<String> TOPICS = List.of("t0", "t1", "t2", "u0", "u1");

    final Random random;
    /** Every member id there ever was. */
    final Set<String> memberIds = new TreeSet<>();
    /** When each member was last heard of, or later. */
    final Map<String, Long> heardMs = new HashMap<>();
    /** The highest offset that each partition's readers were told is committed. */
    final Map<Part, Long> highest = new HashMap<>();
    /** The highest epoch that a member was told since the group speaks the consumer protocol. */
    int toldEpoch;
    /** Generations of a classic group in which somebody heard its part. */
    final TreeSet<Integer> heardGenerations = new TreeSet<>();
    /** That a classic group was given when it began: up to it members were led by their coordinator. */
    int firstGeneration;
    /** The types of group that it became. */
    final Set<String> became = new TreeSet<>();

    boolean faults = true;
    boolean holdAppends;
    long nowMs = 1_000_000;
    MetadataImage image = MetadataImage.empty();
    GroupCore group;

    private final List<GroupRecord> log = new ArrayList<>();
    private final Deque<Effect.Append> appends = new ArrayDeque<>();
    private final GroupMachines machines;
    private int ids;
    private boolean topicsWentAway;

    SimulatedGroup(long seed) {
        random = new Random(seed);
        for (int i = 0; i < 3; i++) {
            changeTopics();
        }
        machines = new GroupMachines(
                GroupFixture.config(0, Integer.MAX_VALUE),
                new ConsumerGroup.Surroundings(() -> image, () -> 1, new TopicRegexes(), () -> "given-" + ids++),
                prefix -> prefix + "-" + ids++);
        group = machines.first(CommittedGroup.empty(GroupFixture.ID), GroupEvents.NONE, nowMs);
    }

    final boolean fault(double probability) {
        return faults && random.nextDouble() < probability;
    }

    void pass(int ms) {
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
    }

    /** A topic is made, gets more partitions, or goes. */
    final void changeTopics() {
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
            became.add(group.groupType());
        }
        if (!turn.effects().isEmpty()) {
            run(turn.effects());
        }
    }

    void run(List<Effect> effects) {
        GroupCore machine = group;
        for (Effect effect : effects) {
            if (effect instanceof Effect.Answer<?> answer) {
                answer.give();
            } else if (effect instanceof Effect.Hold<?> hold) {
                hold.begin();
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
        appends.forEach(SimulatedGroup::refuse);
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

    void decideAppends() {
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
    CommittedGroup replayed() {
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
    void failOver() {
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

    Set<String> classicMembers() {
        Asked<DescribedGroup> described = new Asked<>();
        run(group.handle(new GroupRequest.Describe(GroupFixture.ID, (short) 5, described), nowMs));
        return described.now().members().stream()
                .map(DescribedGroupMember::memberId)
                .collect(Collectors.toSet());
    }

    /** As acknowledged; -1 for none. */
    long committed(Part part) {
        CommittedOffset offset = image.topic(part.topicId())
                .map(topic -> group.committed().offset(topic.name(), part.partition()))
                .filter(o -> o.topicId().equals(part.topicId()))
                .orElse(null);
        return offset == null ? -1 : offset.offset();
    }
}
