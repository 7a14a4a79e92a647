package io.troupe.tools;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.DescribeClusterRequestData;
import org.apache.kafka.common.message.DescribeTopicPartitionsRequestData;
import org.apache.kafka.common.message.DescribeTopicPartitionsRequestData.Cursor;
import org.apache.kafka.common.message.DescribeTopicPartitionsRequestData.TopicRequest;
import org.apache.kafka.common.message.DescribeTopicPartitionsResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.DescribeClusterRequest;
import org.apache.kafka.common.requests.DescribeClusterResponse;
import org.apache.kafka.common.requests.DescribeTopicPartitionsRequest;
import org.apache.kafka.common.requests.DescribeTopicPartitionsResponse;
import org.apache.kafka.common.requests.RequestHeader;

/**
 * The epochs of brokers and partitions, which Kafka's admin client does not tell. They come with Kafka's own messages, some as tagged
 * fields that other clients pass over, by a plain connection of its own to one broker. Who does not answer, or not so, leaves them
 * unknown, which is no error.
 *
 * @param brokers BE by broker id
 * @param partitions both epochs by partition
 */
record Epochs(Map<Integer, Long> brokers, Map<TopicPartition, OfPartition> partitions) {
    /** @param partition PE, null when unknown */
    record OfPartition(int leader, Integer partition) {}

    /** The tag under which brokers of Troupe tell them: 8 bytes for a broker's, 4 for a partition's. */
    private static final int TAG = 10_000;

    private static final int PATIENCE_MS = 10_000;
    private static final int MOST_ANSWER_BYTES = 100 << 20;

    /** @param from brokers to ask, of which the first that answers does */
    static Epochs ask(Collection<Node> from, Collection<String> topics) {
        for (Node node : from) {
            if (node.isFenced()) {
                continue;
            }
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(node.host(), node.port()), PATIENCE_MS);
                socket.setSoTimeout(PATIENCE_MS);
                return new Epochs(brokers(socket), partitions(socket, topics));
            } catch (IOException | RuntimeException e) {
                // Another one may answer.
            }
        }
        return new Epochs(Map.of(), Map.of());
    }

    private static Map<Integer, Long> brokers(Socket socket) throws IOException {
        DescribeClusterRequestData asked = new DescribeClusterRequestData().setIncludeFencedBrokers(true);
        DescribeClusterResponse answer = (DescribeClusterResponse)
                exchange(socket, ApiKeys.DESCRIBE_CLUSTER, (short) 2, new DescribeClusterRequest.Builder(asked));
        Map<Integer, Long> epochs = new HashMap<>();
        answer.data().brokers().forEach(b -> {
            ByteBuffer epoch = tagged(b.unknownTaggedFields(), Long.BYTES);
            if (epoch != null) {
                epochs.put(b.brokerId(), epoch.getLong());
            }
        });
        return epochs;
    }

    private static Map<TopicPartition, OfPartition> partitions(Socket socket, Collection<String> topics)
            throws IOException {
        Map<TopicPartition, OfPartition> epochs = new HashMap<>();
        DescribeTopicPartitionsRequestData asked = new DescribeTopicPartitionsRequestData();
        topics.stream().sorted().forEach(name -> asked.topics().add(new TopicRequest().setName(name)));
        DescribeTopicPartitionsResponseData.Cursor next;
        do {
            DescribeTopicPartitionsResponseData answer = ((DescribeTopicPartitionsResponse) exchange(
                            socket,
                            ApiKeys.DESCRIBE_TOPIC_PARTITIONS,
                            (short) 0,
                            new DescribeTopicPartitionsRequest.Builder(asked)))
                    .data();
            answer.topics().forEach(t -> t.partitions().forEach(p -> {
                ByteBuffer epoch = tagged(p.unknownTaggedFields(), Integer.BYTES);
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

    private static ByteBuffer tagged(List<RawTaggedField> fields, int bytes) {
        return fields.stream()
                .filter(f -> f.tag() == TAG && f.size() == bytes)
                .map(f -> ByteBuffer.wrap(f.data()))
                .findFirst()
                .orElse(null);
    }

    private static AbstractResponse exchange(
            Socket socket, ApiKeys key, short version, AbstractRequest.Builder<? extends AbstractRequest> request)
            throws IOException {
        RequestHeader header = new RequestHeader(key, version, "troupe-cluster", 0);
        ByteBuffer bytes = request.build(version).serializeWithHeader(header);
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        out.writeInt(bytes.remaining());
        out.write(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
        out.flush();
        DataInputStream in = new DataInputStream(socket.getInputStream());
        int size = in.readInt();
        if (size < 0 || size > MOST_ANSWER_BYTES) {
            throw new IOException("no answer of Kafka's protocol: " + size + " bytes");
        }
        return AbstractResponse.parseResponse(ByteBuffer.wrap(in.readNBytes(size)), header);
    }
}
