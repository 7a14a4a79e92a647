package io.troupe.config;

import io.troupe.config.BrokerConfig.Role;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Reads who this node is and where it stands: id, roles, voters, and the actor and HTTP addresses. */
final class NodeSettings {
    private static final int HTTP_BELOW_KAFKA = 1010;
    private static final int ACTORS_ABOVE_KAFKA = 10_000;

    private final Settings settings;
    private final Map<String, String> raw;
    private final int nodeId;
    private final List<Voter> named;

    NodeSettings(Settings settings, Map<String, String> raw) {
        this.settings = settings;
        this.raw = raw;
        this.nodeId = readNodeId();
        this.named = readVoters();
    }

    int nodeId() {
        return nodeId;
    }

    private int readNodeId() {
        boolean node = settings.has("node.id");
        boolean broker = settings.has("broker.id");
        if (!node && !broker) {
            settings.problem("node.id (or broker.id) is missing; it must be a whole number of at least 0, another one"
                    + " for each node of the cluster");
            return 0;
        }
        int byNode = node ? settings.integer("node.id") : -1;
        int byBroker = broker ? settings.integer("broker.id") : -1;
        if (node && broker && byNode != byBroker) {
            settings.problem(settings.shown("node.id") + " and " + settings.shown("broker.id")
                    + " differ; they are two names of one setting");
        }
        return node ? byNode : byBroker;
    }

    private List<Voter> readVoters() {
        List<Voter> voters = new ArrayList<>();
        if (!settings.has("controller.quorum.voters")) {
            return voters;
        }
        String shown = settings.shown("controller.quorum.voters");
        int problems = settings.problems().size();
        for (String entry : ConfigKey.split(settings.text("controller.quorum.voters"))) {
            int at = entry.indexOf('@');
            try {
                int id = Integer.parseInt(entry.substring(0, Math.max(at, 0)).trim());
                HostPort address = Addresses.parse(entry.substring(at + 1).trim());
                if (id < 0 || address.port() == 0 || Addresses.isWildcard(address.host())) {
                    throw new IllegalArgumentException(
                            "must be id@host:port with an id of at least 0, a host that others reach and a port from"
                                    + " 1 to 65535");
                }
                if (voters.stream().anyMatch(v -> v.nodeId() == id)) {
                    settings.problem(shown + ": node " + id + " is listed twice");
                } else if (voters.stream().anyMatch(v -> v.actorAddress().equals(address))) {
                    settings.problem(shown + ": " + address + " is listed twice; each voter has its own address");
                } else {
                    voters.add(new Voter(id, address));
                }
            } catch (NumberFormatException e) {
                settings.problem(shown + ": " + entry + " must be id@host:port, as in 1@host1:19092");
            } catch (IllegalArgumentException e) {
                settings.problem(shown + ": " + entry + " " + e.getMessage());
            }
        }
        boolean complete = settings.problems().size() == problems;
        if (voters.isEmpty() && complete) {
            settings.problem(shown + " must name at least one voter, as in 1@host1:19092");
        }
        if (voters.size() == 2 && complete) {
            settings.problem(shown + " names two voters: both would be needed for every decision, so the loss of either"
                    + " stops the cluster; name one, or three (the third may have process.roles=controller and"
                    + " no data)");
        }
        return voters;
    }

    Set<Role> roles() {
        boolean listed = named.stream().anyMatch(v -> v.nodeId() == nodeId);
        if (!settings.has("process.roles")) {
            return Set.copyOf(named.isEmpty() || listed ? EnumSet.allOf(Role.class) : EnumSet.of(Role.BROKER));
        }
        Set<Role> roles = EnumSet.noneOf(Role.class);
        List<String> names = ConfigKey.split(settings.text("process.roles"));
        for (String name : names) {
            switch (name) {
                case "broker" -> roles.add(Role.BROKER);
                case "controller" -> roles.add(Role.CONTROLLER);
                default -> {
                    // Not one of the setting's values, which was told of it.
                    return Set.copyOf(EnumSet.allOf(Role.class));
                }
            }
        }
        if (names.isEmpty()) {
            settings.problem(settings.shown("process.roles") + " must be broker, controller, or both");
            return Set.copyOf(EnumSet.allOf(Role.class));
        }
        checkRoles(roles, listed);
        return Set.copyOf(roles);
    }

    private void checkRoles(Set<Role> roles, boolean listed) {
        String shown = settings.shown("process.roles");
        if (named.isEmpty() && !roles.contains(Role.CONTROLLER)) {
            settings.problem(shown + " without controller.quorum.voters: a node that is only a broker must be told who"
                    + " the voters are");
        } else if (!named.isEmpty() && roles.contains(Role.CONTROLLER) && !listed) {
            settings.problem(shown + ": node " + nodeId + " is a controller but not in "
                    + settings.shown("controller.quorum.voters"));
        } else if (listed && !roles.contains(Role.CONTROLLER)) {
            settings.problem(shown + ": node " + nodeId + " is in " + settings.shown("controller.quorum.voters")
                    + " and so must have the role controller");
        }
    }

    /**
     * A cluster of one by mistake is a cluster that splits: Kafka's dynamic quorum is accepted only where it plainly
     * names this machine alone.
     */
    void checkBootstrapServers() {
        String servers = raw.getOrDefault("controller.quorum.bootstrap.servers", "");
        if (servers.isEmpty() || !named.isEmpty()) {
            return;
        }
        List<String> all = ConfigKey.split(servers);
        boolean alone = all.size() == 1
                && Addresses.isLoopback(all.get(0).replaceAll(":\\d+$", "").replaceAll("[\\[\\]]", ""));
        if (!alone) {
            settings.problem("controller.quorum.bootstrap.servers=" + servers
                    + " is not supported: Troupe's voters are a fixed set; name them in controller.quorum.voters"
                    + " (id@host:port, by comma)");
        }
    }

    /** The voters, or this node alone. */
    List<Voter> voters(HostPort actorListener) {
        return named.isEmpty() ? List.of(new Voter(nodeId, actorListener)) : List.copyOf(named);
    }

    /** A node that stands where a voter is expected, under another id, is a mistake in one of the two. */
    private HostPort checkNotAnotherVoters(HostPort actors) {
        named.stream()
                .filter(v -> v.nodeId() != nodeId && v.actorAddress().equals(actors))
                .findFirst()
                .ifPresent(v -> settings.problem(settings.shown("controller.quorum.voters") + " gives " + actors
                        + ", the actor address of this node, node " + nodeId + ", to node " + v.nodeId()
                        + ": correct node.id or the list, or set troupe.actor.listener to another port"));
        return actors;
    }

    HostPort actorListener(List<Listener> listeners) {
        return checkNotAnotherVoters(readActorListener(listeners));
    }

    private HostPort readActorListener(List<Listener> listeners) {
        Optional<HostPort> inVoters = named.stream()
                .filter(v -> v.nodeId() == nodeId)
                .map(Voter::actorAddress)
                .findFirst();
        if (settings.has("troupe.actor.listener")) {
            HostPort given = address("troupe.actor.listener");
            if (Addresses.isWildcard(given.host())) {
                settings.problem(settings.shown("troupe.actor.listener")
                        + " must name the host by which the other nodes reach this one");
            }
            inVoters.filter(v -> v.port() != given.port())
                    .ifPresent(v -> settings.problem(settings.shown("troupe.actor.listener") + " and "
                            + settings.shown("controller.quorum.voters") + " give node " + nodeId
                            + " two different ports"));
            return given;
        }
        if (inVoters.isPresent()) {
            return inVoters.get();
        }
        HostPort computed = following(listeners, "troupe.actor.listener", ACTORS_ABOVE_KAFKA);
        boolean others = named.stream()
                .anyMatch(v -> !Addresses.isLoopback(v.actorAddress().host()));
        if (others && Addresses.isLoopback(computed.host())) {
            settings.problem("troupe.actor.listener is missing: the voters in "
                    + settings.shown("controller.quorum.voters") + " cannot reach this node at " + computed
                    + "; set it to host:port of this machine");
        }
        return computed;
    }

    Optional<HostPort> httpListener(List<Listener> listeners) {
        if (!settings.has("troupe.http.listener")) {
            return listeners.isEmpty()
                    ? Optional.empty()
                    : Optional.of(onLoopback(following(listeners, "troupe.http.listener", -HTTP_BELOW_KAFKA)));
        }
        String text = settings.text("troupe.http.listener");
        if (text.isEmpty() || text.equals("none")) {
            return Optional.empty();
        }
        HostPort given = address("troupe.http.listener");
        if (!Addresses.isLoopback(given.host())) {
            settings.warn(settings.shown("troupe.http.listener") + ": the HTTP API asks nobody who they are; anyone who"
                    + " reaches this address may read and write. localhost:" + given.port()
                    + " keeps it to this machine.");
        }
        return Optional.of(given);
    }

    /** Nobody gets an open HTTP port who did not ask for it, wherever Kafka's clients connect. */
    private static HostPort onLoopback(HostPort computed) {
        return Addresses.isLoopback(computed.host()) ? computed : new HostPort(Addresses.LOOPBACK, computed.port());
    }

    private HostPort address(String key) {
        try {
            return Addresses.parse(settings.text(key));
        } catch (IllegalArgumentException e) {
            settings.problem(settings.shown(key) + " " + e.getMessage());
            return new HostPort(Addresses.LOOPBACK, 0);
        }
    }

    private HostPort following(List<Listener> listeners, String key, int distance) {
        if (listeners.isEmpty()) {
            settings.problem(key + " is missing: without a Kafka listener there is nothing to compute it from");
            return new HostPort(Addresses.LOOPBACK, 0);
        }
        HostPort kafka = listeners.get(0).address();
        String host = Addresses.isWildcard(kafka.host()) ? Addresses.LOOPBACK : kafka.host();
        int port = kafka.port() == 0 ? 0 : kafka.port() + distance;
        if (kafka.port() != 0 && (port < 1 || port > 65_535)) {
            settings.problem(key + " is missing, and cannot follow from Kafka port " + kafka.port() + " (it would be "
                    + port + ", outside 1 to 65535); set it to host:port");
            port = 0;
        }
        return new HostPort(host, port);
    }
}
