package io.troupe.group;

import io.troupe.group.ConsumerGroupRecord.ResolvedRegex;
import io.troupe.group.assignor.PartitionAssignor;
import io.troupe.metadata.MetadataImage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.Uuid;

/** What a group is subscribed to, and who is to own what of it (KIP-848, "Target Assignment"). */
final class ConsumerTargets {
    private final ConsumerGroupState group;

    ConsumerTargets(ConsumerGroupState group) {
        this.group = group;
    }

    /** Begins an epoch, and makes its target, if the topics that match the subscriptions, or their racks, are not the epoch's any more. */
    void refresh(long nowMs) {
        if (group.members.isEmpty()) {
            return;
        }
        MetadataImage image = group.around.image().get();
        resolveRegexes(image, nowMs);
        long hash = MetadataHash.of(image, subscribedTopics());
        if (hash != group.metadataHash) {
            group.bumpEpoch(hash, nowMs);
            assign(image, nowMs);
        }
    }

    /** A subscription changed, or a member came or went: begins an epoch and makes its target. */
    void next(long nowMs) {
        MetadataImage image = group.around.image().get();
        resolveRegexes(image, nowMs);
        group.bumpEpoch(MetadataHash.of(image, subscribedTopics()), nowMs);
        assign(image, nowMs);
    }

    /** The topics that match each member's expression, as of an image; expressions of nobody go. */
    private void resolveRegexes(MetadataImage image, long nowMs) {
        Set<String> used = new HashSet<>();
        for (ConsumerMember member : group.members.values()) {
            if (member.metadata.hasRegex() && used.add(member.metadata.topicRegex())) {
                String regex = member.metadata.topicRegex();
                List<String> matching = group.around.regexes().matching(regex, image);
                ResolvedRegex known = group.regexes.get(regex);
                if (known == null || !known.topics().equals(matching)) {
                    group.storeRegex(regex, new ResolvedRegex(matching, image.index(), nowMs));
                }
            }
        }
        for (String regex : List.copyOf(group.regexes.keySet())) {
            if (!used.contains(regex)) {
                group.storeRegex(regex, null);
            }
        }
    }

    /** Names, whether there are such topics or not. */
    Set<String> subscribedTopics() {
        Set<String> topics = new HashSet<>();
        group.members.values().forEach(member -> topics.addAll(member.metadata.topicNames()));
        group.regexes.values().forEach(resolved -> topics.addAll(resolved.topics()));
        return topics;
    }

    boolean isSubscribedTo(String topic) {
        for (ConsumerMember member : group.members.values()) {
            if (member.metadata.topicNames().contains(topic)) {
                return true;
            }
        }
        return group.regexes.values().stream().anyMatch(r -> r.topics().contains(topic));
    }

    private void assign(MetadataImage image, long nowMs) {
        Map<List<Object>, Set<Uuid>> bySubscription = new HashMap<>();
        List<PartitionAssignor.Member> members = new ArrayList<>();
        for (ConsumerMember member : group.members.values()) {
            ConsumerMemberMetadata m = member.metadata;
            // Members that ask for the same share the set: assignors see that by its identity.
            Set<Uuid> topicIds = bySubscription.computeIfAbsent(
                    List.of(m.topicNames(), m.hasRegex() ? m.topicRegex() : ""), s -> topicIds(image, m));
            members.add(new PartitionAssignor.Member(
                    member.memberId, m.instanceId(), topicIds, group.target(member.memberId)));
        }
        Map<String, Map<Uuid, Set<Integer>>> next = PartitionAssignor.named(assignor())
                .orElse(PartitionAssignor.ALL.get(0))
                .assign(
                        members,
                        id -> image.topic(id).map(t -> t.partitions().size()).orElse(0));
        next.forEach((memberId, target) -> {
            if (target != group.target(memberId)) {
                group.storeTarget(memberId, target);
            }
        });
        group.storeTargetEpoch();
        if (!group.members.isEmpty()) {
            group.history.rebalancing(assignor(), nowMs);
        }
    }

    private Set<Uuid> topicIds(MetadataImage image, ConsumerMemberMetadata m) {
        Set<String> names = new HashSet<>(m.topicNames());
        if (m.hasRegex() && group.regexes.containsKey(m.topicRegex())) {
            names.addAll(group.regexes.get(m.topicRegex()).topics());
        }
        Set<Uuid> ids = new HashSet<>();
        names.forEach(name -> image.topic(name).ifPresent(topic -> ids.add(topic.topicId())));
        return ids;
    }

    /** The one that most members ask for; the first that is configured if none does, and between equals. */
    String assignor() {
        Map<String, Integer> votes = new LinkedHashMap<>();
        group.consumerConfig().assignors().forEach(name -> votes.put(name, 0));
        for (ConsumerMember member : group.members.values()) {
            if (member.metadata.serverAssignor() != null) {
                votes.computeIfPresent(member.metadata.serverAssignor(), (name, count) -> count + 1);
            }
        }
        String winner = null;
        for (Map.Entry<String, Integer> candidate : votes.entrySet()) {
            if (winner == null || candidate.getValue() > votes.get(winner)) {
                winner = candidate.getKey();
            }
        }
        return winner;
    }
}
