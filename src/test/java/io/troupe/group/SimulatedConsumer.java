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
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData.TopicPartitions;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.protocol.Errors;

/**
 * A consumer as the Java client behaves by the consumer protocol (KIP-848), on a bad network and a slow machine. One target at a
 * time is taken over, from the first word of it to the last, whatever is heard meanwhile: what it is not to have is given up, the
 * rest is taken, and then all that it has is said once.
 */
final class SimulatedConsumer implements SimulatedMember {
    private static final List<String> REGEXES = List.of("t.*", "u[01]", ".*");
    private static final int REBALANCE_TIMEOUT_MS = 20_000;
    private static final int REQUEST_TIMEOUT_MS = 10_000;

    record Part(Uuid topicId, int partition) {}

    private final SimulatedGroup run;
    private final String name;
    private final String instance;
    private int incarnation;
    private String memberId;
    private int epoch;
    private final Map<Part, Long> owned = new HashMap<>();
    /** What it was last told to have; null before. */
    private Set<Part> target;
    /** What it is about to have; null while it takes nothing over. */
    private Set<Part> taking;
    /** Whether it was told of another target since it last began to take one over. */
    private boolean targetIsNew;
    /** It has what a target said, and is to say so. */
    private boolean acknowledges;
    /** What it has said not to have while it was about to take it. */
    private final Set<Part> denied = new HashSet<>();

    private Set<String> topics = Set.of();
    private String regex = "";
    private String assignor;
    /** The next heartbeat tells all: it joins, or an answer was lost. */
    private boolean tellAll = true;

    private boolean tellSubscription;
    private Asked<ConsumerGroupHeartbeatResponseData> asked;
    private long askedAtMs;
    private long heartbeatAtMs;
    /** When it will have what it takes over. */
    private long takenAtMs;

    private long awayUntilMs;

    SimulatedConsumer(SimulatedGroup run, String name, String instance) {
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
        taking = null;
        targetIsNew = false;
        acknowledges = false;
        denied.clear();
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
    public boolean mayHave(Part part, String owner) {
        return memberId.equals(owner) || denied.contains(part);
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
        if (asked == null && (run.nowMs >= heartbeatAtMs || tellSubscription || acknowledges)) {
            heartbeat();
        }
    }

    /** Stands still, or ends with or without a word. */
    private void goAway() {
        awayUntilMs = run.nowMs + run.random.nextInt(60_000);
        if (run.random.nextInt(3) == 0) {
            return;
        }
        end();
        begin();
    }

    @Override
    public void end() {
        if (epoch > 0 && run.random.nextInt(3) > 0) {
            owned.clear();
            boolean returns = instance != null && run.random.nextInt(3) > 0;
            deliver(new ConsumerGroupHeartbeatRequestData()
                    .setGroupId(GroupFixture.ID)
                    .setMemberId(memberId)
                    .setInstanceId(instance)
                    .setMemberEpoch(returns ? -2 : -1));
        }
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
                if (run.knows(memberId)) {
                    run.toldEpoch = Math.max(run.toldEpoch, epoch);
                }
                heartbeatAtMs = run.nowMs + response.heartbeatIntervalMs();
                if (response.assignment() != null) {
                    Set<Part> next = new HashSet<>();
                    response.assignment().topicPartitions().forEach(t -> t.partitions()
                            .forEach(p -> next.add(new Part(t.topicId(), p))));
                    // What it has, and was given anew.
                    denied.removeIf(part -> owned.containsKey(part) && next.contains(part));
                    targetIsNew |= !next.equals(target);
                    target = next;
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

    /** Takes over what it is to have, which takes a while. */
    private void reconcile() {
        if (taking == null && targetIsNew) {
            targetIsNew = false;
            taking = target;
            boolean tooLong = run.fault(0.03);
            takenAtMs = run.nowMs
                    + (target.containsAll(owned.keySet()) && run.random.nextBoolean()
                            ? 0
                            : tooLong ? 2 * REBALANCE_TIMEOUT_MS : run.random.nextInt(2000));
        }
        if (taking == null || run.nowMs < takenAtMs) {
            return;
        }
        owned.keySet().retainAll(taking);
        taking.forEach(part -> owned.computeIfAbsent(part, run::committed));
        taking = null;
        acknowledges = true;
    }

    private void heartbeat() {
        askedAtMs = run.nowMs;
        heartbeatAtMs = run.nowMs + 5000;
        ConsumerGroupHeartbeatRequestData data = words(tellAll || epoch == 0);
        tellAll = false;
        if (run.fault(0.05)) {
            // Lost on its way; another connection is made.
            tellAll = true;
            return;
        }
        asked = deliver(data);
        if (run.fault(0.05)) {
            // The answer is lost, and it asks again at once.
            asked = deliver(words(true));
        }
    }

    private ConsumerGroupHeartbeatRequestData words(boolean all) {
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
        if (all || acknowledges) {
            data.setTopicPartitions(partitions(owned.keySet()));
            Stream.of(target, taking)
                    .filter(Objects::nonNull)
                    .flatMap(Set::stream)
                    .filter(part -> !owned.containsKey(part))
                    .forEach(denied::add);
        }
        acknowledges = false;
        tellSubscription = false;
        return data;
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
