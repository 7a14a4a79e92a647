package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A topic of many partitions, each on three brokers: 200, or {@code -Dtroupe.it.partitions=1000}. It prints how long things took, and how
 * much of a core each broker uses while nothing happens when {@code -Dtroupe.it.idle.s} says for how many seconds to look.
 */
@Timeout(1200)
class ManyPartitionsIT {
    private static final int PARTITIONS = Integer.getInteger("troupe.it.partitions", 200);
    private static final int IDLE_S = Integer.getInteger("troupe.it.idle.s", 0);
    /** The aim is a hundredth of each, for 1,000 partitions too; a machine that does other things as well may stand still for long. */
    private static final long CREATED_MS = 120_000;

    private static final long LED_MS = 60_000;
    /** Entries of the metadata that the end of a broker makes, and that of a controller, however many partitions it led. */
    private static final long MOST_ENTRIES = 30;

    @BeforeEach
    void onlyTroupe() {
        Need.troupe();
    }

    @Test
    void theyAreMadeAndGetOtherLeadersAtOnceAndIdleCheaply() throws Exception {
        try (ClusterProcess cluster = ClusterProcess.create("many", 3, 3, ClusterProcess.LONG_SESSIONS)) {
            for (int id = 1; id <= 3; id++) {
                cluster.broker(id).jvm("-Xmx384m", "-XX:TieredStopAtLevel=1");
            }
            cluster.start(1, 2, 3);
            idle(cluster, "no partitions");
            try (Admin admin = cluster.clients().admin()) {
                Placed placed = new Placed(cluster.clients(), admin, "many");
                long beganNs = System.nanoTime();
                placed.create(PARTITIONS, 3, Map.of());
                offsets(admin);
                long createdMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganNs);
                say(PARTITIONS + " partitions on three brokers were made in " + createdMs + " ms");
                assertTrue(createdMs < CREATED_MS, createdMs + " ms");
                idle(cluster, PARTITIONS + " partitions");

                int victim = IntStream.rangeClosed(1, 3)
                        .filter(id -> id != controller(admin))
                        .findFirst()
                        .orElseThrow();
                killed(cluster, admin, placed, victim);
                long startNs = System.nanoTime();
                cluster.start(victim);
                placed.awaitInSync(3);
                say("back in sync in " + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs) + " ms");
                killed(cluster, admin, placed, controller(admin));
            }
        }
    }

    private static void killed(ClusterProcess cluster, Admin admin, Placed placed, int victim) throws Exception {
        long led = placed.ledBy(victim);
        long entries = entries(admin);
        Map<Integer, Integer> from = IntStream.rangeClosed(1, 3)
                .filter(id -> id != victim)
                .boxed()
                .collect(Collectors.toMap(
                        Function.identity(), id -> cluster.broker(id).output().length()));
        cluster.kill(victim);
        String line = "Fencing broker " + victim + ":";
        long[] fencedMs = new long[1];
        Clients.await("broker " + victim + " is fenced", () -> {
            fencedMs[0] = from.entrySet().stream()
                    .mapToLong(e -> lastTime(cluster.broker(e.getKey()).output().substring(e.getValue()), line))
                    .max()
                    .orElse(-1);
            return fencedMs[0] >= 0;
        });
        offsets(admin);
        long tookMs = System.currentTimeMillis() - fencedMs[0];
        say("broker " + victim + " was killed; the " + led + " partitions that it led had other leaders " + tookMs
                + " ms after it was fenced");
        Clients.await("broker " + victim + " leads nothing", () -> placed.ledBy(victim) == 0);
        assertTrue(tookMs < LED_MS, tookMs + " ms");
        long made = entries(admin) - entries;
        assertTrue(
                made < MOST_ENTRIES,
                made + " entries for " + led + " partitions, which are to be decided in one piece");
    }

    /** Committed ones, ever. */
    private static long entries(Admin admin) {
        return Clients.get(admin.describeMetadataQuorum().quorumInfo()).highWatermark();
    }

    /** Asks each partition's leader, and asks again until all answer. */
    private static void offsets(Admin admin) {
        Clients.get(admin.listOffsets(IntStream.range(0, PARTITIONS)
                        .boxed()
                        .collect(Collectors.toMap(p -> new TopicPartition("many", p), p -> OffsetSpec.latest())))
                .all());
    }

    private static int controller(Admin admin) {
        return Clients.get(admin.describeMetadataQuorum().quorumInfo()).leaderId();
    }

    private static long lastTime(String log, String text) {
        Matcher line = Pattern.compile("^(\\S+ \\S+?) .*" + Pattern.quote(text), Pattern.MULTILINE)
                .matcher(log);
        long ms = -1;
        while (line.find()) {
            ms = LocalDateTime.parse(line.group(1), DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSS"))
                    .atZone(ZoneId.systemDefault())
                    .toInstant()
                    .toEpochMilli();
        }
        return ms;
    }

    private static void idle(ClusterProcess cluster, String what) throws Exception {
        if (IDLE_S > 0) {
            TimeUnit.SECONDS.sleep(10);
            long[] before = ticks(cluster);
            TimeUnit.SECONDS.sleep(IDLE_S);
            long[] after = ticks(cluster);
            say("idle with " + what + ", % of a core: "
                    + IntStream.range(0, 3)
                            .mapToObj(i -> "" + (after[i] - before[i]) / (double) IDLE_S)
                            .collect(Collectors.joining(", ")));
        }
    }

    /** User and system time of each broker in hundredths of a second. */
    private static long[] ticks(ClusterProcess cluster) {
        return Stream.of(1, 2, 3)
                .mapToLong(id -> {
                    try {
                        String stat = Files.readString(
                                Path.of("/proc/" + cluster.broker(id).pid() + "/stat"));
                        String[] fields =
                                stat.substring(stat.lastIndexOf(')') + 2).split(" ");
                        return Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                })
                .toArray();
    }

    private static void say(String what) {
        System.out.println("ManyPartitionsIT: " + what);
    }
}
