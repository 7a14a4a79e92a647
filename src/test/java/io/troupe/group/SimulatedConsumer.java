package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.GroupFixture.Asked;
import io.troupe.group.GroupService.Caller;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData.TopicPartitions;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.protocol.Errors;

/** A consumer as the Java client behaves by the consumer protocol (KIP-848), on a bad network and a slow machine. */
final class SimulatedConsumer implements SimulatedMember {
    private static final List<String> REGEXES = List.of("t.*", "u[01]", ".*");
    private static final int REBALANCE_TIMEOUT_MS = 20_000;
    private static final int REQUEST_TIMEOUT_MS = 10_000;

    record Part(Uuid topicId, int partition) {}

    private final ConsumerGroupSimulationTest.Run run;
    private final String name;
    private final String instance;
    private int incarnation;
    private String memberId;
    private int epoch;
    private final Map<Part, Long> owned = new HashMap<>();
    /** What it was last told to have; null before. */
    private Set<Part> target;

    private Set<String> topics = Set.of();
    private String regex = "";
    private String assignor;
    /** The next heartbeat tells all: it joins, or an answer was lost. */
    private boolean tellAll = true;

    private boolean tellSubscription;
    private Set<Part> told = Set.of();
    private Asked<ConsumerGroupHeartbeatResponseData> asked;
    private long askedAtMs;
    private long heartbeatAtMs;
    /** When it will have given up what it has to; 0 while it has nothing to give up. */
    private long givenUpAtMs;

    private long awayUntilMs;

    SimulatedConsumer(ConsumerGroupSimulationTest.Run run, String name, String instance) {
        this.run = run;
        this.name = name;
        this.instance = instance;
        begin();
        subscribe();
    }

    /** As after a start. */
    private void begin() {
        memberId = name + "-" + incarnation++;
        run.memberIds.add(memberId);
        rejoin();
    }

    private void rejoin() {
        epoch = 0;
        owned.clear();
        target = null;
        givenUpAtMs = 0;
        asked = null;
        tellAll = true;
        heartbeatAtMs = run.nowMs;
    }

    private void subscribe() {
        topics = new TreeSet<>();
        for (String topic : List.of("t0", "t1", "u0")) {
            if (run.random.nextInt(3) > 0) {
                topics.add(topic);
            }
        }
        regex = run.random.nextInt(3) == 0 ? REGEXES.get(run.random.nextInt(REGEXES.size())) : "";
        assignor = run.random.nextInt(4) > 0 ? null : run.random.nextBoolean() ? "range" : "uniform";
        tellSubscription = true;
    }

    @Override
    public String memberId() {
        return memberId;
    }

    @Override
    public int epoch() {
        return epoch;
    }

    @Override
    public Map<Part, Long> owned() {
        return owned;
    }

    @Override
    public boolean isSubscribedTo(String topic) {
        return topics.contains(topic) || topic.matches(regex);
    }

    @Override
    public void step() {
        if (run.faults && run.nowMs < awayUntilMs) {
            return;
        }
        if (run.fault(0.008)) {
            goAway();
            return;
        }
        if (run.fault(0.01)) {
            subscribe();
        }
        if (asked != null) {
            hear();
        }
        reconcile();
        commit(run, instance, (short) 10);
        if (asked == null && (run.nowMs >= heartbeatAtMs || tellSubscription || !told.equals(owned.keySet()))) {
            heartbeat();
        }
    }

    /** Stands still, or ends with or without a word. */
    private void goAway() {
        awayUntilMs = run.nowMs + run.random.nextInt(60_000);
        if (run.random.nextInt(3) == 0) {
            return;
        }
        if (epoch > 0 && run.random.nextInt(3) > 0) {
            owned.clear();
            boolean returns = instance != null && run.random.nextInt(3) > 0;
            deliver(new ConsumerGroupHeartbeatRequestData()
                    .setGroupId(GroupFixture.ID)
                    .setMemberId(memberId)
                    .setInstanceId(instance)
                    .setMemberEpoch(returns ? -2 : -1));
        }
        begin();
    }

    private void hear() {
        if (asked.parked()) {
            if (run.nowMs - askedAtMs > REQUEST_TIMEOUT_MS) {
                asked = null;
                tellAll = true;
            }
            return;
        }
        ConsumerGroupHeartbeatResponseData response = asked.now();
        asked = null;
        if (run.fault(0.05)) {
            tellAll = true;
            return;
        }
        Errors error = Errors.forCode(response.errorCode());
        switch (error) {
            case NONE -> {
                assertTrue(response.memberEpoch() >= epoch, () -> "the epoch of " + memberId + " went back");
                epoch = response.memberEpoch();
                run.toldEpoch = Math.max(run.toldEpoch, epoch);
                heartbeatAtMs = run.nowMs + response.heartbeatIntervalMs();
                if (response.assignment() != null) {
                    target = new HashSet<>();
                    response.assignment().topicPartitions().forEach(t -> t.partitions()
                            .forEach(p -> target.add(new Part(t.topicId(), p))));
                }
            }
            case UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH -> rejoin();
            case UNRELEASED_INSTANCE_ID, FENCED_INSTANCE_ID -> {
                // The client gives up; whoever runs it starts it again.
                awayUntilMs = run.nowMs + run.random.nextInt(60_000);
                begin();
            }
            case COORDINATOR_NOT_AVAILABLE -> {
                tellAll = true;
                heartbeatAtMs = run.nowMs + 100;
            }
            default -> throw new AssertionError(error + ": " + response.errorMessage());
        }
    }

    /** Gives up what it is not to have, which takes a while, and then takes what it is to have. */
    private void reconcile() {
        if (target == null || target.equals(owned.keySet())) {
            givenUpAtMs = 0;
            return;
        }
        if (givenUpAtMs == 0) {
            boolean tooLong = run.fault(0.03);
            givenUpAtMs = run.nowMs
                    + (target.containsAll(owned.keySet())
                            ? 0
                            : tooLong ? 2 * REBALANCE_TIMEOUT_MS : run.random.nextInt(2000));
        }
        if (run.nowMs < givenUpAtMs) {
            return;
        }
        givenUpAtMs = 0;
        if (!target.containsAll(owned.keySet())) {
            owned.keySet().retainAll(target);
        } else {
            for (Part part : target) {
                owned.computeIfAbsent(part, p -> run.committed(p));
            }
        }
    }

    private void heartbeat() {
        askedAtMs = run.nowMs;
        heartbeatAtMs = run.nowMs + 5000;
        boolean all = tellAll || epoch == 0;
        ConsumerGroupHeartbeatRequestData data = new ConsumerGroupHeartbeatRequestData()
                .setGroupId(GroupFixture.ID)
                .setMemberId(memberId)
                .setInstanceId(instance)
                .setMemberEpoch(epoch);
        if (all) {
            data.setRebalanceTimeoutMs(REBALANCE_TIMEOUT_MS);
        }
        if (all || tellSubscription) {
            data.setSubscribedTopicNames(new ArrayList<>(topics))
                    .setSubscribedTopicRegex(regex)
                    .setServerAssignor(assignor);
        }
        if (all || !told.equals(owned.keySet())) {
            data.setTopicPartitions(partitions(owned.keySet()));
        }
        told = Set.copyOf(owned.keySet());
        tellAll = false;
        tellSubscription = false;
        if (run.fault(0.05)) {
            // Lost on its way; another connection is made.
            tellAll = true;
            return;
        }
        asked = deliver(data);
        if (run.fault(0.05)) {
            // The answer to the first is lost.
            asked = deliver(data);
            tellAll = true;
        }
    }

    private Asked<ConsumerGroupHeartbeatResponseData> deliver(ConsumerGroupHeartbeatRequestData data) {
        run.heardMs.put(memberId, run.nowMs);
        return run.ask(reply ->
                new GroupRequest.ConsumerHeartbeat(new Caller("c", "/127.0.0.1", (short) 1), data.duplicate(), reply));
    }

    private static List<TopicPartitions> partitions(Collection<Part> parts) {
        Map<Uuid, List<Integer>> byTopic = new HashMap<>();
        parts.forEach(part ->
                byTopic.computeIfAbsent(part.topicId(), t -> new ArrayList<>()).add(part.partition()));
        List<TopicPartitions> all = new ArrayList<>();
        byTopic.forEach((topic, numbers) ->
                all.add(new TopicPartitions().setTopicId(topic).setPartitions(numbers)));
        return all;
    }
}
