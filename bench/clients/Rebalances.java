import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * How long Kafka's own consumers take to own every partition again when members come and go: 1, 4, 2 and then 5 of them.
 *
 * <p>Usage: Rebalances bootstrap topic partitions classic|cooperative|consumer rounds. Prints {@code worst_ms 1_to_4_ms 4_to_2_ms 2_to_5_ms} for each round:
 * from when the members start to poll, or to close, until each partition has one owner and each member its share. The first member's joining is not
 * counted. The classic protocols have heartbeat.interval.ms=500.
 */
public final class Rebalances {
    private static final long LIMIT_NS = Duration.ofMinutes(1).toNanos();

    private final String bootstrap;
    private final String topic;
    private final int partitions;
    private final String protocol;
    private final String group = "bench-rebalances-" + UUID.randomUUID();
    private final List<Member> members = new ArrayList<>();

    private Rebalances(String[] args) {
        bootstrap = args[0];
        topic = args[1];
        partitions = Integer.parseInt(args[2]);
        protocol = args[3];
    }

    public static void main(String[] args) throws Exception {
        for (int round = 0; round < Integer.parseInt(args[4]); round++) {
            Rebalances r = new Rebalances(args);
            try {
                r.to(1);
                List<Long> took = List.of(r.to(4), r.to(2), r.to(5));
                System.out.printf("%d %d %d %d%n", took.stream().max(Long::compare).orElseThrow(), took.get(0), took.get(1), took.get(2));
            } finally {
                r.to(0);
            }
        }
    }

    private long to(int count) throws Exception {
        // A group is at rest before something happens to it, as it nearly always is.
        Thread.sleep(1500);
        List<Member> going = new ArrayList<>();
        List<Member> coming = new ArrayList<>();
        while (members.size() > count) {
            going.add(members.remove(members.size() - 1));
        }
        for (int i = members.size(); i < count; i++) {
            coming.add(new Member());
        }
        long begunNs = System.nanoTime();
        going.forEach(Member::end);
        coming.forEach(Thread::start);
        members.addAll(coming);
        while (count > 0 && !settled()) {
            if (System.nanoTime() - begunNs > LIMIT_NS) {
                throw new TimeoutException(protocol + ": " + count + " members do not own everything after a minute");
            }
            Thread.sleep(1);
        }
        long tookMs = (System.nanoTime() - begunNs) / 1_000_000;
        for (Member member : going) {
            member.join(30_000);
        }
        return tookMs;
    }

    private boolean settled() {
        Set<TopicPartition> all = new HashSet<>();
        int owned = 0;
        for (Member member : members) {
            if (member.failure != null) {
                throw new IllegalStateException(protocol + ": a member failed", member.failure);
            }
            Set<TopicPartition> its = member.owned;
            if (its.size() < partitions / members.size()) {
                return false;
            }
            owned += its.size();
            all.addAll(its);
        }
        return owned == partitions && all.size() == partitions;
    }

    private final class Member extends Thread implements ConsumerRebalanceListener {
        private final KafkaConsumer<byte[], byte[]> consumer;
        private volatile boolean ending;
        volatile Set<TopicPartition> owned = Set.of();
        volatile RuntimeException failure;

        Member() {
            Map<String, Object> config = new HashMap<>();
            config.put("bootstrap.servers", bootstrap);
            config.put("group.id", group);
            if (protocol.equals("consumer")) {
                config.put("group.protocol", "consumer");
            } else {
                config.put("heartbeat.interval.ms", 500);
                config.put("session.timeout.ms", 10_000);
                if (protocol.equals("cooperative")) {
                    config.put("partition.assignment.strategy", CooperativeStickyAssignor.class.getName());
                }
            }
            consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        }

        void end() {
            ending = true;
            consumer.wakeup();
        }

        @Override
        public void run() {
            try (consumer) {
                consumer.subscribe(List.of(topic), this);
                while (!ending) {
                    consumer.poll(Duration.ofMillis(100));
                }
            } catch (WakeupException e) {
                // It is to end.
            } catch (RuntimeException e) {
                failure = e;
            }
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> more) {
            Set<TopicPartition> now = new HashSet<>(owned);
            now.addAll(more);
            owned = now;
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> less) {
            Set<TopicPartition> now = new HashSet<>(owned);
            now.removeAll(less);
            owned = now;
        }
    }
}
