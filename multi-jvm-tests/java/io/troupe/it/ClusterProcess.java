package io.troupe.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.Node;

/**
 * Several brokers of one cluster, each a {@link BrokerProcess} of -Xmx256m with free ports and directories of its own; ids run from 1, and
 * the first ones are the voters. Each may be started, stopped, killed, paused, wiped and started again, in any order.
 *
 * <p>Broker n's log is kept in {@code target/it/<name>-b<n>-*}; {@link #close} ends all of them, paused ones too.
 */
final class ClusterProcess implements AutoCloseable {
    /**
     * For tests that rest on who leads and who is in sync: a broker may stand still for so long that a machine which is busy elsewhere does
     * not change it. One that dies is fenced when its node is taken out of the cluster, after 9 s.
     */
    static final Map<String, String> LONG_SESSIONS = Map.of("broker.session.timeout.ms", "15000");

    private final Map<Integer, BrokerProcess> brokers = new TreeMap<>();
    private final Set<Integer> paused = new HashSet<>();
    /** How much each broker had printed when one was last paused. */
    private Map<Integer, Integer> printed = Map.of();

    private final String voterList;
    private boolean votersCount;
    private final String name;
    private final Map<String, String> overrides;

    private ClusterProcess(String name, int voters, Map<String, String> overrides) {
        this.name = name;
        this.overrides = Map.copyOf(overrides);
        List<String> addresses = new ArrayList<>();
        for (int id = 1; id <= voters; id++) {
            addresses.add(id + "@127.0.0.1:" + Ports.free());
        }
        voterList = String.join(",", addresses);
    }

    /** Brokers 1 to {@code count}, none started; the first {@code voters} of them vote. @param overrides for all of them */
    static ClusterProcess create(String name, int voters, int count, Map<String, String> overrides) {
        ClusterProcess cluster = new ClusterProcess(name, voters, overrides);
        IntStream.rangeClosed(1, count).forEach(id -> cluster.add(id, Map.of()));
        return cluster;
    }

    /** Three voters that are brokers, all of them serving. */
    static ClusterProcess startThree(String name, Map<String, String> overrides) {
        ClusterProcess cluster = create(name, 3, 3, overrides);
        try {
            cluster.start(1, 2, 3);
            return cluster;
        } catch (RuntimeException | AssertionError e) {
            cluster.close();
            throw e;
        }
    }

    /** One more broker, not started. @param settings its own, on top of the cluster's */
    BrokerProcess add(int id, Map<String, String> settings) {
        BrokerProcess broker = another(id, settings);
        brokers.put(id, broker);
        return broker;
    }

    /** A process that would be a broker of this cluster but is not counted as one of it: whoever asked for it ends it. */
    BrokerProcess another(int id, Map<String, String> settings) {
        BrokerProcess broker = BrokerProcess.create(name + "-b" + id, overrides);
        broker.set("broker.id", "" + id);
        broker.set("controller.quorum.voters", voterList);
        for (String voter : voterList.split(",")) {
            if (voter.startsWith(id + "@")) {
                broker.set("troupe.actor.listener", voter.substring(voter.indexOf('@') + 1));
            }
        }
        settings.forEach(broker::set);
        return broker;
    }

    /** The options of each JVM at its next start, heap included. */
    ClusterProcess jvm(String... options) {
        brokers.values().forEach(b -> b.jvm(options));
        return this;
    }

    /** Each is started by the start script from now on, which starts it again when it asks for that. */
    ClusterProcess supervised() {
        brokers.values().forEach(BrokerProcess::supervised);
        return this;
    }

    /** The node of the controller, as the living brokers know it once a majority has answered. */
    int controller() {
        try (Admin admin = clients().admin()) {
            return Clients.get(admin.describeMetadataQuorum().quorumInfo()).leaderId();
        }
    }

    /** Launches those brokers one right after the other and waits until all of them serve. */
    ClusterProcess start(int... ids) {
        launch(ids);
        for (int id : ids) {
            broker(id).awaitReady();
        }
        int voters = voterList.split(",").length;
        if (!votersCount
                && IntStream.rangeClosed(1, voters).allMatch(id -> broker(id).isAlive())) {
            IntStream.rangeClosed(1, voters).forEach(this::awaitCounts);
            votersCount = true;
        }
        return this;
    }

    /** In a new cluster a voter counts once it holds what is committed. Without its word the others would miss the first of them that dies. */
    private void awaitCounts(int voter) {
        String line = "Voter " + voter + " counts, with disk";
        // A second controller says nothing of what it finds in the first one's log.
        String second = "Controller of cluster .*, epoch 2@";
        Clients.await("voter " + voter + " counts", () -> brokers.values().stream()
                .map(BrokerProcess::output)
                .anyMatch(log -> log.contains(line)
                        || Pattern.compile(second).matcher(log).find()));
    }

    /** Launches them and does not wait. */
    ClusterProcess launch(int... ids) {
        for (int id : ids) {
            broker(id).launch();
        }
        return this;
    }

    /** Ends it and forgets it; its data goes. */
    void remove(int id) {
        paused.remove(id);
        brokers.remove(id).close();
    }

    BrokerProcess broker(int id) {
        return brokers.get(id);
    }

    String voterList() {
        return voterList;
    }

    /** All brokers that run and are not paused, for clients. */
    String bootstrap() {
        return brokers.entrySet().stream()
                .filter(e -> e.getValue().isAlive() && !paused.contains(e.getKey()))
                .map(e -> e.getValue().bootstrap())
                .collect(Collectors.joining(","));
    }

    Clients clients() {
        return new Clients(bootstrap());
    }

    /** SIGKILL to all of them at (nearly) one time. */
    void kill(int... ids) {
        for (int id : ids) {
            paused.remove(id);
            broker(id).kill();
        }
    }

    /** SIGTERM, and waits for an orderly end. */
    void terminate(int... ids) {
        for (int id : ids) {
            broker(id).terminate();
        }
    }

    /** SIGTERM to all of them before the first is waited for: a full stop. */
    void terminateTogether(int... ids) {
        for (int id : ids) {
            broker(id).terminateSoon();
        }
        for (int id : ids) {
            broker(id).awaitExit(Duration.ofSeconds(120));
        }
    }

    void pause(int id) {
        printed = brokers.entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey, e -> e.getValue().output().length()));
        broker(id).pause();
        paused.add(id);
    }

    /** Waits until the others have taken the one that was paused last out of the cluster. */
    void awaitTakenOut(int id) {
        String line = "@" + broker(id).actors() + " out of the cluster: ";
        Clients.await("broker " + id + " is taken out", () -> brokers.keySet().stream()
                .anyMatch(other -> broker(other).output().indexOf(line, printed.getOrDefault(other, 0)) >= 0));
    }

    /** Waits until each broker that runs, asked alone, knows exactly those brokers as living ones. */
    void awaitBrokers(Integer... ids) {
        for (String bootstrap : bootstrap().split(",")) {
            try (Admin admin = new Clients(bootstrap).admin()) {
                Clients.await(
                        bootstrap + " knows of brokers " + List.of(ids),
                        () -> Clients.get(admin.describeCluster().nodes()).stream()
                                .map(Node::id)
                                .collect(Collectors.toSet())
                                .equals(Set.of(ids)));
            }
        }
    }

    void resume(int id) {
        broker(id).resume();
        paused.remove(id);
    }

    /** SIGTERM, then started again on the same data; waits until it serves. */
    void restart(int id) {
        terminate(id);
        start(id);
    }

    /** Goes on with those that stand still and starts those that are away. */
    void heal() {
        heal(brokers.keySet().stream().mapToInt(id -> id).toArray());
    }

    /** Goes on with all that stand still and starts those of the named ones that are away. */
    void heal(int... ids) {
        List.copyOf(paused).forEach(this::resume);
        for (int id : ids) {
            if (!broker(id).isAlive()) {
                launch(id);
            }
        }
        for (int id : ids) {
            broker(id).awaitReady();
        }
    }

    /** Deletes all that a stopped broker has on its disk. */
    void wipe(int id) {
        if (broker(id).isAlive()) {
            throw new IllegalStateException("broker " + id + " is running");
        }
        try {
            BrokerProcess.delete(broker(id).data());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        for (int id : List.copyOf(paused)) {
            if (broker(id).isAlive()) {
                resume(id);
            }
        }
        brokers.values().forEach(BrokerProcess::close);
    }
}
