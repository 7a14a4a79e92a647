package io.troupe.tools;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsPartition;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsTopic;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.requests.ListOffsetsRequest;
import org.apache.kafka.common.requests.ListOffsetsResponse;

/**
 * Prints what groups have not read yet: how many records, and for how many seconds the oldest of them has been waiting, by its timestamp and
 * this machine's clock. 0 where nothing waits, "-" where it is not known: nothing was committed, the partition has no leader, or
 * its broker does not tell.
 */
final class WaitingRecords {
    private static final String UNKNOWN = "-";
    private static final short LIST_OFFSETS_VERSION = 7;
    private static final String[] HEADINGS = {
        "GROUP",
        "TOPIC",
        "PARTITION",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "LAG-SECONDS",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID"
    };
    private static final Comparator<TopicPartition> BY_NAME =
            Comparator.comparing(TopicPartition::topic).thenComparingInt(TopicPartition::partition);

    /** @param sinceMs time of the first record from the committed offset on, null for unknown or none */
    private record End(long offset, Long sinceMs) {}

    private final Admin admin;
    private final PrintStream out;

    WaitingRecords(Admin admin, PrintStream out) {
        this.admin = admin;
        this.out = out;
    }

    void print(Map<String, ConsumerGroupDescription> groups) throws ExecutionException, InterruptedException {
        List<String[]> rows = new ArrayList<>();
        rows.add(HEADINGS);
        for (Map.Entry<String, ConsumerGroupDescription> group : groups.entrySet()) {
            rows.addAll(rows(group.getKey(), group.getValue()));
        }
        int[] widths = new int[HEADINGS.length];
        for (String[] row : rows) {
            for (int i = 0; i < row.length; i++) {
                widths[i] = Math.max(widths[i], row[i].length());
            }
        }
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.length; i++) {
                line.append(String.format("%-" + (widths[i] + 1) + "s", row[i]));
            }
            out.println(line.toString().stripTrailing());
        }
    }

    private List<String[]> rows(String groupId, ConsumerGroupDescription group)
            throws ExecutionException, InterruptedException {
        Map<TopicPartition, MemberDescription> owners = new HashMap<>();
        group.members().forEach(m -> m.assignment().topicPartitions().forEach(p -> owners.put(p, m)));
        Map<TopicPartition, Long> committed = new HashMap<>();
        Map<TopicPartition, OffsetAndMetadata> offsets = admin.listConsumerGroupOffsets(
                        Map.of(groupId, new ListConsumerGroupOffsetsSpec()))
                .partitionsToOffsetAndMetadata(groupId)
                .get();
        offsets.forEach((p, offset) -> {
            if (offset != null) {
                committed.put(p, offset.offset());
            }
        });
        Set<TopicPartition> partitions = new TreeSet<>(BY_NAME);
        partitions.addAll(owners.keySet());
        partitions.addAll(committed.keySet());
        Map<TopicPartition, End> ends = ends(partitions, committed);
        long nowMs = System.currentTimeMillis();
        List<String[]> rows = new ArrayList<>();
        for (TopicPartition p : partitions) {
            String[] row = new String[HEADINGS.length];
            Arrays.fill(row, UNKNOWN);
            row[0] = groupId;
            row[1] = p.topic();
            row[2] = String.valueOf(p.partition());
            Long offset = committed.get(p);
            End end = ends.get(p);
            if (offset != null) {
                row[3] = offset.toString();
            }
            if (end != null) {
                row[4] = String.valueOf(end.offset());
            }
            if (offset != null && end != null) {
                long lag = Math.max(0, end.offset() - offset);
                row[5] = String.valueOf(lag);
                row[6] = lag == 0 ? "0" : seconds(end.sinceMs(), nowMs);
            }
            MemberDescription owner = owners.get(p);
            if (owner != null) {
                row[7] = owner.consumerId();
                row[8] = owner.host();
                row[9] = owner.clientId();
            }
            rows.add(row);
        }
        return rows;
    }

    private static String seconds(Long sinceMs, long nowMs) {
        return sinceMs == null || sinceMs < 0
                ? UNKNOWN
                : String.format(Locale.ROOT, "%.1f", Math.max(0, nowMs - sinceMs) / 1000.0);
    }

    /** Each leader is asked once; partitions of one that does not answer are missing. */
    private Map<TopicPartition, End> ends(Set<TopicPartition> partitions, Map<TopicPartition, Long> committed)
            throws InterruptedException {
        Map<TopicPartition, End> ends = new HashMap<>();
        for (Map.Entry<Node, Set<TopicPartition>> leader : byLeader(partitions).entrySet()) {
            try (PlainConnection connection = new PlainConnection(leader.getKey())) {
                ends.putAll(ends(connection, leader.getValue(), committed));
            } catch (IOException | RuntimeException e) {
                // Shown as unknown.
            }
        }
        return ends;
    }

    private Map<Node, Set<TopicPartition>> byLeader(Set<TopicPartition> partitions) throws InterruptedException {
        Set<String> topics = new HashSet<>();
        partitions.forEach(p -> topics.add(p.topic()));
        Map<Node, Set<TopicPartition>> byLeader = new HashMap<>();
        for (KafkaFuture<TopicDescription> described :
                admin.describeTopics(topics).topicNameValues().values()) {
            try {
                TopicDescription topic = described.get();
                topic.partitions().forEach(state -> {
                    TopicPartition p = new TopicPartition(topic.name(), state.partition());
                    if (state.leader() != null && !state.leader().isEmpty() && partitions.contains(p)) {
                        byLeader.computeIfAbsent(state.leader(), n -> new HashSet<>())
                                .add(p);
                    }
                });
            } catch (ExecutionException e) {
                // The topic has just been deleted.
            }
        }
        return byLeader;
    }

    private static Map<TopicPartition, End> ends(
            PlainConnection connection, Set<TopicPartition> partitions, Map<TopicPartition, Long> committed)
            throws IOException {
        Map<String, ListOffsetsTopic> asked = new TreeMap<>();
        for (TopicPartition p : partitions) {
            ListOffsetsPartition partition = new ListOffsetsPartition()
                    .setPartitionIndex(p.partition())
                    .setTimestamp(ListOffsetsRequest.LATEST_TIMESTAMP);
            Long from = committed.get(p);
            if (from != null) {
                partition
                        .unknownTaggedFields()
                        .add(new RawTaggedField(
                                PlainConnection.TAG,
                                ByteBuffer.allocate(Long.BYTES).putLong(from).array()));
            }
            asked.computeIfAbsent(p.topic(), name -> new ListOffsetsTopic().setName(name))
                    .partitions()
                    .add(partition);
        }
        ListOffsetsResponse answer = (ListOffsetsResponse) connection.exchange(
                ApiKeys.LIST_OFFSETS,
                LIST_OFFSETS_VERSION,
                ListOffsetsRequest.Builder.forConsumer(false, IsolationLevel.READ_UNCOMMITTED)
                        .setTargetTimes(List.copyOf(asked.values())));
        Map<TopicPartition, End> ends = new HashMap<>();
        answer.topics().forEach(topic -> topic.partitions().forEach(p -> {
            if (p.errorCode() == Errors.NONE.code()) {
                ByteBuffer since = PlainConnection.tagged(p.unknownTaggedFields(), Long.BYTES);
                ends.put(
                        new TopicPartition(topic.name(), p.partitionIndex()),
                        new End(p.offset(), since == null ? null : since.getLong()));
            }
        }));
        return ends;
    }
}
