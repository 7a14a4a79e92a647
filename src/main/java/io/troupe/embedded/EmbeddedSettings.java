package io.troupe.embedded;

import io.troupe.server.HeldPort;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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

    /** @throws io.troupe.server.StartException when there are no ports */
    static List<EmbeddedBroker> brokers(int brokers, Map<String, String> settings, WorkDir workDir) {
        List<HeldPort> actors = new ArrayList<>();
        List<EmbeddedBroker> result = new ArrayList<>();
        try {
            for (int id = 1; id <= brokers; id++) {
                actors.add(HeldPort.onLoopback());
            }
            String voters = actors.stream()
                    .map(port -> (actors.indexOf(port) + 1) + "@" + HOST + ":" + port.port())
                    .collect(Collectors.joining(","));
            for (HeldPort port : actors) {
                result.add(broker(result.size() + 1, voters, port, settings, workDir));
            }
            return result;
        } catch (RuntimeException e) {
            actors.forEach(HeldPort::close);
            result.forEach(EmbeddedBroker::close);
            throw e;
        }
    }

    private static EmbeddedBroker broker(
            int id, String voters, HeldPort actors, Map<String, String> settings, WorkDir workDir) {
        boolean alone = !voters.contains(",");
        List<HeldPort> ports = new ArrayList<>(List.of(actors));
        Map<String, String> all = new LinkedHashMap<>();
        all.put("node.id", Integer.toString(id));
        if (!settings.containsKey("listeners")) {
            HeldPort clients = HeldPort.onLoopback();
            ports.add(clients);
            all.put("listeners", "PLAINTEXT://" + HOST + ":" + clients.port());
        }
        all.put("troupe.actor.listener", HOST + ":" + actors.port());
        all.put("troupe.http.listener", "none");
        if (!alone) {
            all.put("controller.quorum.voters", voters);
        }
        all.put("group.initial.rebalance.delay.ms", "0");
        all.put("offsets.topic.num.partitions", "1");
        // Each client of a test is served in time by one; threads cost time to start.
        all.put("num.network.threads", "1");
        all.put("num.io.threads", "2");
        all.putAll(settings);
        if (workDir != WorkDir.NONE) {
            all.put("log.dirs", workDir.of(id).toString());
        } else if (!alone) {
            all.put(
                    "log.dirs",
                    Arrays.stream(settings.get("log.dirs").split(","))
                            .map(dir -> dir.trim() + "/broker-" + id)
                            .collect(Collectors.joining(",")));
        }
        return new EmbeddedBroker(id, all, ports);
    }
}
