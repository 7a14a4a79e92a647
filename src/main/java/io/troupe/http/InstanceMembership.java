package io.troupe.http;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData.TopicPartitions;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.protocol.Errors;

/**
 * A consumer instance's part in its group, by the consumer protocol (KIP-848). Pure: heartbeats come out when they are due, answers go
 * in, and what is to be given up or taken on comes of them. One heartbeat is under way at a time.
 *
 * <p>Joins with epoch 0 and says all it wants; then only what changed, and everything again after an answer that was lost. Whoever is
 * unknown or fenced has nothing any more and joins again.
 */
final class InstanceMembership {
    static final int JOIN = 0;
    static final int LEAVE = -1;
    private static final int REBALANCE_TIMEOUT_MS = 30_000;
    private static final long RETRY_MS = 200;
    private static final long REFUSED_RETRY_MS = 1000;
    /** For metadata to know a topic that the coordinator knows. */
    private static final long RESOLVE_MS = 100;

    /**
     * What has changed.
     *
     * @param lost is gone already: it may be another member's by now
     * @param revoked is to be given up, then {@link #gaveUp}
     * @param added is ours from now on
     */
    record Change(Set<TopicPartition> lost, Set<TopicPartition> revoked, Set<TopicIdPartition> added) {
        static final Change NONE = new Change(Set.of(), Set.of(), Set.of());
    }

    private final String group;
    private final String memberId;
    private final Function<Uuid, String> topicNames;
    private final Map<TopicPartition, Uuid> owned = new HashMap<>();
    private final Set<TopicPartition> givingUp = new HashSet<>();

    private List<String> topics;
    private String pattern;
    private int epoch = JOIN;
    private boolean underWay;
    private boolean full = true;
    private boolean ownedTold;
    private long dueMs;
    /** Not taken on yet; null for none. */
    private Map<Uuid, Set<Integer>> target;

    private String problem;

    /** @param topicNames null for a topic that is not known */
    InstanceMembership(InstanceDefinition definition, Function<Uuid, String> topicNames, long nowMs) {
        this.group = definition.id().group();
        this.memberId = definition.memberId();
        this.topics = definition.topics();
        this.pattern = definition.pattern();
        this.topicNames = topicNames;
        this.dueMs = nowMs;
    }

    /** Asks for others from now on. */
    void subscribe(List<String> newTopics, String newPattern, long nowMs) {
        topics = newTopics;
        pattern = newPattern;
        full = true;
        dueMs = nowMs;
    }

    int epoch() {
        return epoch;
    }

    /** Why the group does not take it; null when it does, or may. */
    String problem() {
        return problem;
    }

    /** Nothing is about to change as far as it knows. */
    boolean isSettled() {
        return epoch > JOIN && target == null && givingUp.isEmpty() && ownedTold;
    }

    long dueMs() {
        return underWay ? Long.MAX_VALUE : dueMs;
    }

    /** What is to be sent now; null for nothing. */
    ConsumerGroupHeartbeatRequestData due(long nowMs) {
        if (underWay || nowMs < dueMs) {
            return null;
        }
        underWay = true;
        ConsumerGroupHeartbeatRequestData request = new ConsumerGroupHeartbeatRequestData()
                .setGroupId(group)
                .setMemberId(memberId)
                .setMemberEpoch(epoch);
        if (full) {
            request.setRebalanceTimeoutMs(REBALANCE_TIMEOUT_MS)
                    .setSubscribedTopicNames(topics)
                    .setSubscribedTopicRegex(pattern);
        }
        if (full || !ownedTold) {
            request.setTopicPartitions(ownedTopics());
        }
        full = false;
        ownedTold = true;
        return request;
    }

    private List<TopicPartitions> ownedTopics() {
        Map<Uuid, Set<Integer>> byTopic = new HashMap<>();
        owned.forEach((partition, id) ->
                byTopic.computeIfAbsent(id, topic -> new TreeSet<>()).add(partition.partition()));
        List<TopicPartitions> all = new ArrayList<>();
        byTopic.forEach((id, partitions) ->
                all.add(new TopicPartitions().setTopicId(id).setPartitions(new ArrayList<>(partitions))));
        return all;
    }

    /** The last thing it says, whatever is under way. */
    ConsumerGroupHeartbeatRequestData leave() {
        return new ConsumerGroupHeartbeatRequestData()
                .setGroupId(group)
                .setMemberId(memberId)
                .setMemberEpoch(LEAVE);
    }

    /** No answer came. */
    void failed(long nowMs) {
        underWay = false;
        full = true;
        dueMs = nowMs + RETRY_MS;
    }

    Change answered(ConsumerGroupHeartbeatResponseData answer, long nowMs) {
        Errors error = Errors.forCode(answer.errorCode());
        if (error == Errors.UNKNOWN_MEMBER_ID || error == Errors.FENCED_MEMBER_EPOCH) {
            return rejoin(nowMs);
        }
        if (error != Errors.NONE) {
            failed(nowMs);
            boolean passes = error.exception() instanceof RetriableException;
            if (!passes) {
                problem = "Group " + group + " does not take the instance: "
                        + (answer.errorMessage() == null ? error.message() : answer.errorMessage());
                dueMs = nowMs + REFUSED_RETRY_MS;
            }
            return Change.NONE;
        }
        underWay = false;
        problem = null;
        epoch = answer.memberEpoch();
        dueMs = nowMs + answer.heartbeatIntervalMs();
        if (answer.assignment() != null) {
            target = new HashMap<>();
            answer.assignment().topicPartitions().forEach(topic -> target.computeIfAbsent(
                            topic.topicId(), id -> new HashSet<>())
                    .addAll(topic.partitions()));
        }
        return resolve(nowMs);
    }

    private Change rejoin(long nowMs) {
        Set<TopicPartition> lost = new HashSet<>(owned.keySet());
        owned.clear();
        givingUp.clear();
        target = null;
        underWay = false;
        epoch = JOIN;
        full = true;
        ownedTold = false;
        dueMs = nowMs;
        return new Change(lost, Set.of(), Set.of());
    }

    /** Takes on what is assigned, once every topic's name is known and what is being given up is gone. */
    Change resolve(long nowMs) {
        if (target == null || !givingUp.isEmpty()) {
            return Change.NONE;
        }
        Map<TopicPartition, Uuid> wanted = new HashMap<>();
        for (Map.Entry<Uuid, Set<Integer>> topic : target.entrySet()) {
            String name = topicNames.apply(topic.getKey());
            if (name == null) {
                dueMs = Math.min(dueMs, nowMs + RESOLVE_MS);
                return Change.NONE;
            }
            topic.getValue().forEach(p -> wanted.put(new TopicPartition(name, p), topic.getKey()));
        }
        target = null;
        Set<TopicPartition> revoked = new HashSet<>();
        owned.forEach((partition, id) -> {
            if (!id.equals(wanted.get(partition))) {
                revoked.add(partition);
            }
        });
        Set<TopicIdPartition> added = new HashSet<>();
        wanted.forEach((partition, id) -> {
            if (!owned.containsKey(partition)) {
                owned.put(partition, id);
                added.add(new TopicIdPartition(id, partition));
            }
        });
        givingUp.addAll(revoked);
        if (revoked.isEmpty() && !added.isEmpty()) {
            tell(nowMs);
        }
        return new Change(Set.of(), revoked, added);
    }

    /** What was revoked is not read any more, and committed if it is to be. */
    void gaveUp(Set<TopicPartition> revoked, long nowMs) {
        revoked.forEach(owned::remove);
        givingUp.removeAll(revoked);
        tell(nowMs);
    }

    private void tell(long nowMs) {
        ownedTold = false;
        dueMs = nowMs;
    }
}
