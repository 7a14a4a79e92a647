import java.time.Duration;
import java.util.Arrays;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;

/**
 * Many classic groups of one member each that commit one offset a second and beat every three; their seconds are spread evenly.
 *
 * <p>Usage: GroupCommits bootstrap topic groups seconds pid. Prints {@code count avg p50 p99 max cpu}: times in microseconds from when a commit was due until
 * it was acknowledged; CPU time of that process, the broker, for each commit, beats included, in microseconds. Fails when a commit is refused, or when what
 * a group reads in the end is less than it committed.
 */
public final class GroupCommits implements CommittingGroup.Listener {
    private static final Duration LIMIT = Duration.ofMinutes(3);
    /** Joins under way at a time. */
    private static final int JOINING = 1000;

    private final Wire wire;
    /** Begins the groups' names. */
    private final String run = "bench-" + Uuid.randomUuid();

    private final String topic;
    private final int groups;
    private final long[] tookNs;
    private int joined;
    private int started;
    private int counted;
    /** Commits that are due before are not counted. */
    private long beginNs = Long.MAX_VALUE;

    private long endNs = Long.MAX_VALUE;
    private int gone;

    private GroupCommits(Wire wire, String topic, int groups, int seconds) {
        this.wire = wire;
        this.topic = topic;
        this.groups = groups;
        this.tookNs = new long[groups * (seconds + 1)];
    }

    public static void main(String[] args) throws Exception {
        int groups = Integer.parseInt(args[2]);
        int seconds = Integer.parseInt(args[3]);
        ProcessHandle broker = ProcessHandle.of(Long.parseLong(args[4])).orElseThrow();
        try (Wire wire = new Wire(args[0])) {
            GroupCommits load = new GroupCommits(wire, args[1], groups, seconds);
            wire.awaitCoordinator(load.run + "-0", LIMIT);
            for (int i = 0; i < Math.min(JOINING, groups); i++) {
                load.next();
            }
            wire.run("joining", LIMIT, () -> load.joined == groups);
            long settledNs = System.nanoTime() + Duration.ofSeconds(3).toNanos();
            wire.run("settling", LIMIT, () -> System.nanoTime() - settledNs > 0);
            Duration cpuBefore = broker.info().totalCpuDuration().orElseThrow();
            load.beginNs = System.nanoTime();
            load.endNs = load.beginNs + Duration.ofSeconds(seconds).toNanos();
            wire.run("measuring", LIMIT, () -> System.nanoTime() - load.endNs > 0);
            Duration cpu = broker.info().totalCpuDuration().orElseThrow().minus(cpuBefore);
            wire.run("leaving", LIMIT, () -> load.gone == groups);
            System.out.printf("%s %.1f%n", Clients.told(Arrays.copyOf(load.tookNs, load.counted)), cpu.toNanos() / 1000.0 / load.counted);
        }
    }

    private void next() {
        if (started < groups) {
            int number = started++;
            new CommittingGroup(wire, run + "-" + number, topic, number, number * 1_000_000_000L / groups, this).start();
        }
    }

    @Override
    public void joined() {
        joined++;
        next();
    }

    @Override
    public void committed(CommittingGroup group, long dueNs) {
        if (dueNs - beginNs >= 0 && dueNs - endNs < 0) {
            tookNs[counted++] = System.nanoTime() - dueNs;
        }
    }

    @Override
    public void refused(CommittingGroup group, Errors error) {
        if (group.joins() > 0 || error == null || !Wire.passes(error)) {
            throw new IllegalStateException(group.name + (error == null ? " lost its connection" : " was answered " + error));
        }
    }

    @Override
    public boolean goesOn(long dueNs) {
        return dueNs - endNs <= 0;
    }

    @Override
    public void left() {
        gone++;
    }
}
