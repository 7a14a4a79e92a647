import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** What the measuring clients share: a producer, the waits before a measurement, and how latencies are told. */
final class Clients {
    /** A producer with the client's defaults but for {@code settings}. */
    static KafkaProducer<byte[], byte[]> producer(String bootstrap, Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.put("bootstrap.servers", bootstrap);
        return new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer());
    }

    /** Waits until as many brokers serve and the metadata quorum names its leader; returns the leader's id. */
    static int awaitBrokers(Admin admin, int brokers, Duration limit) throws Exception {
        long deadline = System.nanoTime() + limit.toNanos();
        String last = "nothing was answered";
        while (System.nanoTime() < deadline) {
            try {
                Collection<Node> nodes = admin.describeCluster().nodes().get();
                int leader = admin.describeMetadataQuorum().quorumInfo().get().leaderId();
                if (nodes.size() == brokers && leader >= 0) {
                    return leader;
                }
                last = nodes.size() + " brokers, leader " + leader;
            } catch (ExecutionException e) {
                last = e.getCause().toString();
            }
            Thread.sleep(100);
        }
        throw new TimeoutException(brokers + " brokers were awaited for " + limit + "; last seen: " + last);
    }

    /** Waits until each partition of the topic has a leader and all its replicas in sync; returns the first partition's leader. */
    static int awaitInSync(Admin admin, String topic, int partitions, Duration limit) throws Exception {
        long deadline = System.nanoTime() + limit.toNanos();
        String last = "nothing was answered";
        while (System.nanoTime() < deadline) {
            try {
                TopicDescription seen =
                        admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
                long whole = seen.partitions().stream()
                        .filter(p -> p.leader() != null && p.isr().size() == p.replicas().size())
                        .count();
                if (whole == partitions) {
                    return seen.partitions().get(0).leader().id();
                }
                last = whole + " of " + partitions + " partitions in sync";
            } catch (ExecutionException e) {
                last = e.getCause().toString();
            }
            Thread.sleep(50);
        }
        throw new TimeoutException(topic + " was awaited for " + limit + "; last seen: " + last);
    }

    /** {@code count avg p50 p99 max}, times in microseconds. Sorts what it is given. */
    static String told(long[] tookNs) {
        Arrays.sort(tookNs);
        return String.format(
                "%d %.1f %.1f %.1f %.1f",
                tookNs.length,
                Arrays.stream(tookNs).average().orElseThrow() / 1000,
                tookNs[tookNs.length / 2] / 1000.0,
                tookNs[tookNs.length * 99 / 100] / 1000.0,
                tookNs[tookNs.length - 1] / 1000.0);
    }

    private Clients() {}
}
