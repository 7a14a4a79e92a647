package io.troupe.server;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValueFactory;
import io.troupe.config.BrokerConfig;
import io.troupe.config.HostPort;
import io.troupe.controller.ControllerSingleton;
import io.troupe.http.HttpService;
import io.troupe.journal.Journals;
import io.troupe.partition.ReplicaSharding;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The actor system's settings that follow from a broker's configuration; what is fixed stands in {@code troupe.conf}. */
final class Node {
    /** The actor system's name: part of every actor address, so the same on all nodes. */
    static final String SYSTEM = "troupe";

    private Node() {}

    /** @param more settings in place of those in {@code troupe.conf} */
    static Config settings(BrokerConfig config, Journals journals, Map<String, Object> more) {
        HostPort actors = config.actorListener();
        List<String> roles = new ArrayList<>();
        if (config.isVoter()) {
            roles.add(ControllerSingleton.VOTER_ROLE);
        }
        if (config.roles().contains(BrokerConfig.Role.BROKER)) {
            roles.add(ReplicaSharding.role(config.nodeId()));
        }
        if (config.httpListener().isPresent()) {
            roles.add(HttpService.ROLE);
        }
        Map<String, Object> own = Map.of(
                "pekko.remote.artery.canonical.hostname", actors.host(),
                "pekko.remote.artery.canonical.port", actors.port(),
                "pekko.cluster.roles", ConfigValueFactory.fromIterable(roles));
        return ConfigFactory.defaultOverrides()
                .withFallback(ConfigFactory.parseMap(own))
                .withFallback(ConfigFactory.parseMap(more))
                .withFallback(journals.pluginConfig())
                .withFallback(ConfigFactory.parseResources(Node.class.getClassLoader(), "troupe.conf"))
                .withFallback(ConfigFactory.defaultReference(Node.class.getClassLoader()))
                .resolve();
    }
}
