package io.troupe.embedded;

import io.troupe.server.HeldPort;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.stream.Collectors;

/** What the brokers of an {@link EmbeddedTroupe} are told: what suits tests, with what the test says on top. */
final class EmbeddedSettings {
    private static final String HOST = "127.0.0.1";
    /** Who a node is; it would not be the cluster that was asked for. */
    private static final Set<String> CHOSEN = Set.of(
            "node.id",
            "broker.id",
            "process.roles",
            "controller.quorum.voters",
            "controller.quorum.bootstrap.servers",
            "log.dir");
    /** Addresses, of which three brokers need three. */
    private static final Set<String> OF_ONE =
            Set.of("listeners", "advertised.listeners", "troupe.actor.listener", "troupe.http.listener");

    private EmbeddedSettings() {}

    static void check(int brokers, Map<String, String> settings) {
        for (String key : settings.keySet()) {
            if (settings.get(key) == null) {
                throw new IllegalArgumentException(key + " has no value");
            }
            if (CHOSEN.contains(key)) {
                throw new IllegalArgumentException(key + "=" + settings.get(key) + " cannot be set: an embedded cluster"
                        + " chooses its nodes itself"
                        + (key.equals("log.dir") ? "; its data is moved by log.dirs" : ""));
            }
            if (brokers > 1 && OF_ONE.contains(key)) {
                throw new IllegalArgumentException(key + "=" + settings.get(key) + " cannot be set for " + brokers
                        + " brokers: each has addresses of its own, which the system chooses");
            }
        }
    }

    /**
     * @throws io.troupe.server.StartException when there are no ports
     * @throws io.troupe.config.ConfigurationException naming what is wrong with the settings
     */
    static List<EmbeddedBroker> brokers(int brokers, Map<String, String> settings, WorkDir workDir) {
        List<HeldPort> held = new ArrayList<>();
        try {
            StringJoiner voters = new StringJoiner(",");
            for (int id = 1; id <= brokers; id++) {
                held.add(HeldPort.onLoopback());
                voters.add(id + "@" + HOST + ":" + held.get(id - 1).port());
            }
            List<EmbeddedBroker> result = new ArrayList<>();
            for (int id = 1; id <= brokers; id++) {
                List<HeldPort> own = new ArrayList<>(List.of(held.get(id - 1)));
                if (!settings.containsKey("listeners")) {
                    own.add(HeldPort.onLoopback());
                    held.add(own.get(1));
                }
                Map<String, String> all = defaults(id, own);
                if (brokers > 1) {
                    all.put("controller.quorum.voters", voters.toString());
                }
                all.putAll(settings);
                all.put("log.dirs", logDirs(id, brokers, settings, workDir));
                result.add(new EmbeddedBroker(id, all, own));
            }
            return result;
        } catch (Throwable e) {
            held.forEach(HeldPort::close);
            throw e;
        }
    }

    /** @param ports for actors and, unless that is chosen otherwise, for clients */
    private static Map<String, String> defaults(int id, List<HeldPort> ports) {
        Map<String, String> all = new LinkedHashMap<>();
        all.put("node.id", Integer.toString(id));
        all.put("troupe.actor.listener", HOST + ":" + ports.get(0).port());
        if (ports.size() > 1) {
            all.put("listeners", "PLAINTEXT://" + HOST + ":" + ports.get(1).port());
        }
        all.put("troupe.http.listener", "none");
        all.put("group.initial.rebalance.delay.ms", "0");
        all.put("offsets.topic.num.partitions", "1");
        // One serves each client of a test in time; threads cost time to start.
        all.put("num.network.threads", "1");
        all.put("num.io.threads", "2");
        return all;
    }

    private static String logDirs(int id, int brokers, Map<String, String> settings, WorkDir workDir) {
        if (workDir != WorkDir.NONE) {
            return workDir.of(id).toString();
        }
        String given = settings.get("log.dirs");
        return brokers == 1
                ? given
                : Arrays.stream(given.split(","))
                        .map(dir -> dir.trim() + "/broker-" + id)
                        .collect(Collectors.joining(","));
    }
}
