package io.troupe.tools;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.PartitionReassignment;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;

/** Prints a cluster's metadata as the paths under which ZooKeeper would have shown it, one a line. */
final class ClusterTree {
    private final Admin admin;
    private final PrintStream out;

    ClusterTree(Admin admin, PrintStream out) {
        this.admin = admin;
        this.out = out;
    }

    /**
     * @param topics only these; empty for all
     * @param groups only these; empty for all
     * @return those of them that do not exist, each as "topic T" or "group G"
     */
    List<String> print(ClusterView view, Set<String> topics, Set<String> groups)
            throws ExecutionException, InterruptedException {
        List<String> missing = new ArrayList<>();
        if (groups.isEmpty() || !topics.isEmpty()) {
            Set<String> shown = view.partitions().keySet().stream()
                    .map(TopicPartition::topic)
                    .filter(name -> topics.isEmpty() || topics.contains(name))
                    .collect(Collectors.toSet());
            Epochs epochs = Epochs.ask(view.brokers().values(), shown);
            printCluster(view, epochs);
            printTopics(view, shown, epochs);
            topics.stream().filter(name -> !shown.contains(name)).forEach(name -> missing.add("topic " + name));
        }
        if (topics.isEmpty() || !groups.isEmpty()) {
            List<String> shown = printGroups(groups);
            groups.stream().filter(id -> !shown.contains(id)).forEach(id -> missing.add("group " + id));
        }
        return missing;
    }

    private void printCluster(ClusterView view, Epochs epochs) {
        out.println("/cluster/id " + view.clusterId());
        out.println("/controller " + view.controller().map(String::valueOf).orElse("none"));
        view.quorum().ifPresent(quorum -> {
            out.println("/controller_epoch " + quorum.epoch());
            quorum.voters().forEach(v -> out.println("/controller/voters/" + v.id() + " log_end=" + v.endOffset()));
        });
        for (Node broker : view.brokers().values()) {
            out.println("/brokers/ids/" + broker.id() + " " + broker.host() + ":" + broker.port()
                    + (epochs.brokers().containsKey(broker.id())
                            ? " epoch=" + epochs.brokers().get(broker.id())
                            : "")
                    + (broker.hasRack() ? " rack=" + broker.rack() : "")
                    + (broker.isFenced() ? " fenced" : ""));
        }
    }

    private void printTopics(ClusterView view, Set<String> topics, Epochs epochs) throws InterruptedException {
        Map<TopicPartition, ClusterView.Partition> shown = new TreeMap<>(ClusterView.BY_NAME);
        shown.putAll(view.partitions());
        shown.keySet().removeIf(p -> !topics.contains(p.topic()));
        Map<TopicPartition, ListOffsetsResultInfo> ends = ends(shown);
        String last = null;
        for (Map.Entry<TopicPartition, ClusterView.Partition> entry : shown.entrySet()) {
            TopicPartition p = entry.getKey();
            ClusterView.Partition state = entry.getValue();
            if (!p.topic().equals(last)) {
                out.println("/brokers/topics/" + p.topic() + " id=" + state.topicId());
                last = p.topic();
            }
            Optional<ListOffsetsResultInfo> end = Optional.ofNullable(ends.get(p));
            Optional<Epochs.OfPartition> epoch =
                    Optional.ofNullable(epochs.partitions().get(p));
            PartitionReassignment move = view.moving().get(p);
            out.println("/brokers/topics/" + p.topic() + "/partitions/" + p.partition() + "/state leader="
                    + (state.leader() < 0 ? "none" : state.leader())
                    + " leader_epoch="
                    + epoch.map(e -> Optional.of(e.leader()))
                            .orElse(end.flatMap(ListOffsetsResultInfo::leaderEpoch))
                            .map(String::valueOf)
                            .orElse("unknown")
                    + epoch.map(Epochs.OfPartition::partition)
                            .map(e -> " partition_epoch=" + e)
                            .orElse("")
                    + " replicas=" + list(state.replicas()) + " isr=" + list(state.isr()) + " elr="
                    + list(state.elr()) + " last_known_elr=" + list(state.lastKnown())
                    + end.map(e -> " high_watermark=" + e.offset()).orElse("")
                    + (move == null
                            ? ""
                            : " adding=" + list(move.addingReplicas()) + " removing=" + list(move.removingReplicas())));
        }
    }

    /** Leaders answer with their epoch; a partition whose leader does not answer is missing. */
    private Map<TopicPartition, ListOffsetsResultInfo> ends(Map<TopicPartition, ClusterView.Partition> partitions)
            throws InterruptedException {
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        partitions.forEach((p, state) -> {
            if (state.leader() >= 0) {
                asked.put(p, OffsetSpec.latest());
            }
        });
        Map<TopicPartition, ListOffsetsResultInfo> ends = new HashMap<>();
        ListOffsetsResult result = admin.listOffsets(asked);
        for (TopicPartition p : asked.keySet()) {
            try {
                ends.put(p, result.partitionResult(p).get());
            } catch (ExecutionException e) {
                // It has just lost its leader: shown as unknown.
            }
        }
        return ends;
    }

    private List<String> printGroups(Set<String> only) throws ExecutionException, InterruptedException {
        Collection<GroupListing> listed =
                admin.listGroups(ListGroupsOptions.forConsumerGroups()).all().get();
        List<String> ids = new ArrayList<>(listed.stream()
                .map(GroupListing::groupId)
                .filter(id -> only.isEmpty() || only.contains(id))
                .sorted()
                .toList());
        Map<String, ConsumerGroupDescription> groups =
                admin.describeConsumerGroups(ids).all().get();
        for (String id : ids) {
            ConsumerGroupDescription group = groups.get(id);
            out.println(
                    "/consumers/" + id + " coordinator=" + group.coordinator().id() + " state="
                            + group.groupState() + " type=" + group.type()
                            + group.groupEpoch().map(e -> " epoch=" + e).orElse(""));
            Map<String, String> owners = new TreeMap<>();
            for (MemberDescription member : group.members()) {
                member.assignment()
                        .topicPartitions()
                        .forEach(p ->
                                owners.put(p.topic() + "/" + p.partition(), member.consumerId() + " " + member.host()));
            }
            owners.forEach((p, owner) -> out.println("/consumers/" + id + "/owners/" + p + " " + owner));
        }
        return ids;
    }

    private static String list(List<Integer> ids) {
        return "[" + String.join(",", ids.stream().map(String::valueOf).toList()) + "]";
    }
}
