package io.troupe.tools;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.DescribeClusterRequestData;
import org.apache.kafka.common.message.DescribeTopicPartitionsRequestData;
import org.apache.kafka.common.message.DescribeTopicPartitionsRequestData.Cursor;
import org.apache.kafka.common.message.DescribeTopicPartitionsRequestData.TopicRequest;
import org.apache.kafka.common.message.DescribeTopicPartitionsResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.requests.DescribeClusterRequest;
import org.apache.kafka.common.requests.DescribeClusterResponse;
import org.apache.kafka.common.requests.DescribeTopicPartitionsRequest;
import org.apache.kafka.common.requests.DescribeTopicPartitionsResponse;

/**
 * The epochs of brokers and partitions, which Kafka's admin client does not tell. They come with Kafka's own messages, some as tagged
 * fields (8 bytes for a broker's, 4 for a partition's), by a plain connection to one broker. Who does not answer, or not so, leaves
 * them unknown, which is no error.
 *
 * @param brokers BE by broker id
 * @param partitions both epochs by partition
 */
record Epochs(Map<Integer, Long> brokers, Map<TopicPartition, OfPartition> partitions) {
    /** @param partition PE, null when unknown */
    record OfPartition(int leader, Integer partition) {}

    /** @param from brokers to ask, of which the first that answers does */
    static Epochs ask(Collection<Node> from, Collection<String> topics) {
        for (Node node : from) {
            if (node.isFenced()) {
                continue;
            }
            try (PlainConnection connection = new PlainConnection(node)) {
                return new Epochs(brokers(connection), partitions(connection, topics));
            } catch (IOException | RuntimeException e) {
                // Another one may answer.
            }
        }
        return new Epochs(Map.of(), Map.of());
    }

    private static Map<Integer, Long> brokers(PlainConnection connection) throws IOException {
        DescribeClusterRequestData asked = new DescribeClusterRequestData().setIncludeFencedBrokers(true);
        DescribeClusterResponse answer = (DescribeClusterResponse)
                connection.exchange(ApiKeys.DESCRIBE_CLUSTER, (short) 2, new DescribeClusterRequest.Builder(asked));
        Map<Integer, Long> epochs = new HashMap<>();
        answer.data().brokers().forEach(b -> {
            ByteBuffer epoch = PlainConnection.tagged(b.unknownTaggedFields(), Long.BYTES);
            if (epoch != null) {
                epochs.put(b.brokerId(), epoch.getLong());
            }
        });
        return epochs;
    }

    private static Map<TopicPartition, OfPartition> partitions(PlainConnection connection, Collection<String> topics)
            throws IOException {
        Map<TopicPartition, OfPartition> epochs = new HashMap<>();
        DescribeTopicPartitionsRequestData asked = new DescribeTopicPartitionsRequestData();
        topics.stream().sorted().forEach(name -> asked.topics().add(new TopicRequest().setName(name)));
        DescribeTopicPartitionsResponseData.Cursor next;
        do {
            DescribeTopicPartitionsResponseData answer = ((DescribeTopicPartitionsResponse) connection.exchange(
                            ApiKeys.DESCRIBE_TOPIC_PARTITIONS,
                            (short) 0,
                            new DescribeTopicPartitionsRequest.Builder(asked)))
                    .data();
            answer.topics().forEach(t -> t.partitions().forEach(p -> {
                ByteBuffer epoch = PlainConnection.tagged(p.unknownTaggedFields(), Integer.BYTES);
                epochs.put(
                        new TopicPartition(t.name(), p.partitionIndex()),
                        new OfPartition(p.leaderEpoch(), epoch == null ? null : epoch.getInt()));
            }));
            next = answer.nextCursor();
            if (next != null) {
                asked.setCursor(new Cursor().setTopicName(next.topicName()).setPartitionIndex(next.partitionIndex()));
            }
        } while (next != null);
        return epochs;
    }
}
