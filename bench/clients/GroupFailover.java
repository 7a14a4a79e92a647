import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;

/**
 * How long groups wait when their coordinator is killed under load: many classic groups of one member each, spread over the brokers, that commit one offset a
 * second. After a minute of that, in which the JVMs' compilers do most of their work, a broker that is not the controller is killed (SIGKILL), the one that coordinates most groups.
 *
 * <p>Usage: GroupFailover bootstrap topic groups seconds node=pid... Goes on for so many seconds after the kill. Only one of the processes given is ever ended.
 *
 * <p>Prints {@code node groups own_p50 own_max others_p50 others_max rejoined}: the node that was killed and how many groups it coordinated; milliseconds from the
 * kill to the first acknowledged commit of these groups and of all others, which wait for the in-sync replicas to be without the killed one; how many groups
 * had to join again. Fails when a group does not commit again, or reads less in the end than it committed.
 */
public final class GroupFailover implements CommittingGroup.Listener {
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final Duration STEADY = Duration.ofSeconds(60);
    /** Joins under way at a time. */
    private static final int JOINING = 300;

    private final Wire wire;
    /** Begins the groups' names. */
    private final String run = "bench-" + Uuid.randomUuid();

    private final String topic;
    private final int groups;
    private final List<CommittingGroup> all = new ArrayList<>();
    private final Map<CommittingGroup, Long> firstNs = new HashMap<>();
    private final Map<String, Integer> refusals = new TreeMap<>();
    private int joined;
    private long killedNs;
    private boolean ending;
    private int gone;

    private GroupFailover(Wire wire, String topic, int groups) {
        this.wire = wire;
        this.topic = topic;
        this.groups = groups;
    }

    public static void main(String[] args) throws Exception {
        int groups = Integer.parseInt(args[2]);
        Duration after = Duration.ofSeconds(Integer.parseInt(args[3]));
        Map<Integer, Long> nodes = new TreeMap<>();
        for (int i = 4; i < args.length; i++) {
            String[] node = args[i].split("=");
            nodes.put(Integer.valueOf(node[0]), Long.valueOf(node[1]));
        }
        int controller;
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            controller = Clients.awaitBrokers(admin, nodes.size(), LIMIT);
        }
        try (Wire wire = new Wire(args[0])) {
            GroupFailover load = new GroupFailover(wire, args[1], groups);
            wire.awaitCoordinator(load.run + "-0", LIMIT);
            for (int i = 0; i < Math.min(JOINING, groups); i++) {
                load.next();
            }
            wire.run("joining", LIMIT, () -> load.joined == groups);
            load.run("steady commits", STEADY);
            Map<CommittingGroup, Integer> coordinators = new HashMap<>();
            Map<Integer, Integer> counts = new HashMap<>();
            for (CommittingGroup group : load.all) {
                coordinators.put(group, group.coordinator());
                counts.merge(group.coordinator(), 1, Integer::sum);
            }
            counts.remove(controller);
            int killed = counts.entrySet().stream()
                    .max(Map.Entry.comparingByValue())
                    .orElseThrow(() -> new IllegalStateException("node " + controller + ", the controller, coordinates all groups"))
                    .getKey();
            ProcessHandle process = ProcessHandle.of(nodes.get(killed)).orElseThrow();
            load.killedNs = System.nanoTime();
            process.destroyForcibly();
            load.run("commits afterwards", after);
            load.ending = true;
            wire.run("leaving", LIMIT, () -> load.gone == groups);
            List<Long> own = new ArrayList<>();
            List<Long> others = new ArrayList<>();
            for (CommittingGroup group : load.all) {
                Long first = load.firstNs.get(group);
                if (first == null) {
                    throw new IllegalStateException(group.name + " did not commit again within " + after);
                }
                (coordinators.get(group) == killed ? own : others).add((first - load.killedNs) / 1_000_000);
            }
            long rejoined = load.all.stream().filter(group -> group.joins() > 1).count();
            System.err.println("refused, null for a lost connection: " + load.refusals);
            System.out.println(killed + " " + own.size() + " " + told(own) + " " + told(others) + " " + rejoined);
        }
    }

    /** Median and most. */
    private static String told(List<Long> ms) {
        ms.sort(null);
        return ms.get(ms.size() / 2) + " " + ms.get(ms.size() - 1);
    }

    private void run(String what, Duration time) throws Exception {
        long untilNs = System.nanoTime() + time.toNanos();
        wire.run(what, time.plus(LIMIT), () -> System.nanoTime() - untilNs > 0);
    }

    private void next() {
        if (all.size() < groups) {
            int number = all.size();
            var group = new CommittingGroup(wire, run + "-" + number, topic, number, number * 1_000_000_000L / groups, this);
            all.add(group);
            group.start();
        }
    }

    @Override
    public void joined() {
        joined++;
        next();
    }

    @Override
    public void committed(CommittingGroup group, long dueNs) {
        if (killedNs != 0) {
            firstNs.putIfAbsent(group, System.nanoTime());
        }
    }

    @Override
    public void refused(CommittingGroup group, Errors error) {
        if (killedNs != 0) {
            refusals.merge(String.valueOf(error), 1, Integer::sum);
        }
    }

    @Override
    public boolean goesOn(long dueNs) {
        return !ending;
    }

    @Override
    public void left() {
        gone++;
    }
}
