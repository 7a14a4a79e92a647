import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * The longest time without a successful write when a partition's leader goes. Writes a record with acks=all every 10 ms, with the client's defaults
 * otherwise, to a new topic of one partition that is on all brokers; ends the leader's process after five seconds, and goes on until writes have succeeded again
 * and five seconds have passed since that process was gone.
 *
 * <p>Usage: Failover bootstrap topic case seconds node=pid... The case says whom: {@code leader} kills (SIGKILL) a leader that is not the controller,
 * {@code both} one that is, {@code stop} asks a leader that is not the controller to stop (SIGTERM). Gives up so many seconds after the signal. Only the
 * processes given are ever ended.
 *
 * <p>Prints {@code node gap_ms quiet_gap_ms failed acknowledged lost}: the node that was ended, the longest gap since then, the longest one before (what the
 * machine itself does), writes that failed, writes acknowledged, and how many of these the partition lacks in the end.
 */
public final class Failover {
    private static final Duration SETTLE = Duration.ofSeconds(60);
    private static final long EVERY_NS = 10_000_000;
    private static final long CALM_NS = 5_000_000_000L;
    /** Until the new producer and broker have loaded their classes. */
    private static final int WARM_UP = 200;

    public static void main(String[] args) throws Exception {
        String bootstrap = args[0];
        String topic = args[1];
        String ended = args[2];
        long limitNs = Duration.ofSeconds(Integer.parseInt(args[3])).toNanos();
        Map<Integer, Long> nodes = new TreeMap<>();
        for (int i = 4; i < args.length; i++) {
            String[] node = args[i].split("=");
            nodes.put(Integer.valueOf(node[0]), Long.valueOf(node[1]));
        }
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            int controller = Clients.awaitBrokers(admin, nodes.size(), SETTLE);
            List<Integer> replicas = new ArrayList<>(nodes.keySet());
            boolean both = ended.equals("both");
            // The first replica leads. The controller goes first or last.
            replicas.remove((Object) controller);
            replicas.add(both ? 0 : replicas.size(), controller);
            admin.createTopics(List.of(new NewTopic(topic, Map.of(0, replicas)).configs(Map.of("min.insync.replicas", "2"))))
                    .all()
                    .get();
            int leader = Clients.awaitInSync(admin, topic, 1, SETTLE);
            if (both != (leader == controller)) {
                throw new IllegalStateException("node " + leader + " leads, node " + controller + " is the controller, the case is " + ended);
            }
            Writes writes = new Writes();
            ProcessHandle process = ProcessHandle.of(nodes.get(leader)).orElseThrow();
            write(bootstrap, topic, writes, limitNs, () -> {
                if (ended.equals("stop")) {
                    process.destroy();
                } else {
                    process.destroyForcibly();
                }
                return process;
            });
            long end = admin.listOffsets(Map.of(new TopicPartition(topic, 0), OffsetSpec.latest()))
                    .all()
                    .get()
                    .get(new TopicPartition(topic, 0))
                    .offset();
            System.out.println(leader + " " + writes.longestNs / 1_000_000 + " " + writes.quietNs / 1_000_000 + " " + writes.failed + " "
                    + writes.acknowledged + " " + Math.max(0, writes.acknowledged - end));
        }
    }

    private interface Signal {
        ProcessHandle send();
    }

    /** Counts of answers; written by the producer's thread, the two marks by the main one. */
    private static final class Writes {
        private volatile long lastNs;
        private volatile long longestNs;
        private volatile long quietNs;
        private volatile int acknowledged;
        private volatile int failed;

        synchronized void answered(Exception failure) {
            if (failure != null) {
                if (failed++ == 0) {
                    System.err.println("first failed write: " + failure);
                }
                return;
            }
            long nowNs = System.nanoTime();
            if (acknowledged++ >= WARM_UP) {
                longestNs = Math.max(longestNs, nowNs - lastNs);
            }
            lastNs = nowNs;
        }

        synchronized void signalled() {
            quietNs = longestNs;
            longestNs = 0;
        }

        /** A gap that has not ended counts as long as it has lasted. */
        synchronized void stopped() {
            longestNs = Math.max(longestNs, System.nanoTime() - lastNs);
        }
    }

    private static void write(String bootstrap, String topic, Writes writes, long limitNs, Signal signal) throws IOException {
        try (var producer = Clients.producer(bootstrap, Map.of("acks", "all"))) {
            long nextNs = System.nanoTime();
            long signalAtNs = nextNs + CALM_NS;
            long goneNs = 0;
            ProcessHandle process = null;
            while (true) {
                producer.send(new ProducerRecord<>(topic, new byte[100]), (metadata, failure) -> writes.answered(failure));
                nextNs += EVERY_NS;
                LockSupport.parkNanos(nextNs - System.nanoTime());
                long nowNs = System.nanoTime();
                if (process == null && nowNs >= signalAtNs && writes.acknowledged > 2 * WARM_UP) {
                    writes.signalled();
                    process = signal.send();
                    signalAtNs = nowNs;
                } else if (process == null && nowNs - signalAtNs > limitNs) {
                    throw new IllegalStateException("only " + writes.acknowledged + " writes succeeded before anything was ended");
                } else if (process != null) {
                    if (goneNs == 0 && isGone(process)) {
                        goneNs = nowNs;
                    }
                    boolean calm = goneNs != 0 && nowNs - goneNs > CALM_NS && writes.lastNs - goneNs > 0 && nowNs - writes.lastNs < 1_000_000_000;
                    if (calm || nowNs - signalAtNs > limitNs) {
                        break;
                    }
                }
            }
            writes.stopped();
            producer.close(Duration.ofSeconds(30));
        }
    }

    /** Whether the process has ended, be it that its parent has not asked for its exit code yet. */
    private static boolean isGone(ProcessHandle process) throws IOException {
        if (!process.isAlive()) {
            return true;
        }
        try {
            String stat = Files.readString(Path.of("/proc/" + process.pid() + "/stat"));
            return stat.charAt(stat.lastIndexOf(')') + 2) == 'Z';
        } catch (java.nio.file.NoSuchFileException e) {
            return true;
        }
    }

    private Failover() {}
}
