package io.troupe.config;

import io.troupe.config.BrokerConfig.Role;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Reads {@code server.properties} and command-line overrides into a {@link BrokerConfig}. */
public final class ServerProperties {

    /**
     * What reading gave.
     *
     * @param config the validated configuration
     * @param warnings one sentence for each key that is accepted but does not mean here what it means to Kafka
     */
    public record Loaded(BrokerConfig config, List<String> warnings) {}

    private static final long LEAST_IN_FLIGHT_BYTES = 64L << 20;

    private ServerProperties() {}

    /** Two names of one setting: an override by one takes the place of the file's other. */
    private static final List<Set<String>> SAME_SETTING =
            List.of(Set.of("node.id", "broker.id"), Set.of("log.dirs", "log.dir"));

    /**
     * Reads a file and applies overrides in order.
     *
     * @param overrides {@code key=value} each; a value may itself contain {@code =}
     * @throws ConfigurationException naming key, value and what is allowed, for every problem found
     */
    public static Loaded load(Path file, List<String> overrides) {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            properties.load(reader);
        } catch (IOException e) {
            String reason = Files.exists(file) ? "cannot be read: " + e : "does not exist";
            throw new ConfigurationException("The configuration file " + file.toAbsolutePath() + " " + reason);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(
                    "The configuration file " + file.toAbsolutePath() + " cannot be read: " + e.getMessage());
        }
        Map<String, String> settings = new TreeMap<>();
        properties.stringPropertyNames().forEach(key -> settings.put(key, properties.getProperty(key)));
        for (String override : overrides) {
            int equals = override.indexOf('=');
            if (equals <= 0) {
                throw new ConfigurationException("--override " + override + " must be key=value");
            }
            String key = override.substring(0, equals).trim();
            SAME_SETTING.stream().filter(names -> names.contains(key)).forEach(settings.keySet()::removeAll);
            settings.put(key, override.substring(equals + 1));
        }
        return parse(settings);
    }

    /**
     * Validates settings already read.
     *
     * @throws ConfigurationException naming key, value and what is allowed, for every problem found
     */
    public static Loaded parse(Map<String, String> given) {
        Map<String, String> raw = new TreeMap<>();
        given.forEach((key, value) -> raw.put(key.trim(), value == null ? "" : value.trim()));
        Settings settings = new Settings(raw);
        checkKeys(settings, raw);
        BrokerConfig config = read(settings, raw);
        if (!settings.problems().isEmpty()) {
            throw new ConfigurationException(
                    settings.problems().size() == 1
                            ? settings.problems().get(0)
                            : settings.problems().size() + " settings are wrong:\n  "
                                    + String.join("\n  ", settings.problems()));
        }
        return new Loaded(config, settings.warnings());
    }

    /** Every key must be known, every value of its type; Kafka's keys without effect here are told. */
    private static void checkKeys(Settings settings, Map<String, String> raw) {
        raw.forEach((key, value) -> {
            ConfigKey known = ServerKeys.ALL.get(key);
            Optional<String> unsafe = KafkaKeys.unsafe(key, value);
            Optional<String> passedOver = KafkaKeys.passedOver(key);
            if (known != null) {
                try {
                    known.parse(value);
                } catch (IllegalArgumentException e) {
                    settings.problem(key + "=" + value + " " + e.getMessage());
                }
            } else if (unsafe.isPresent()) {
                settings.problem(key + "=" + shownValue(key, value) + ": " + unsafe.get());
            } else if (passedOver.isPresent()) {
                settings.warn(key + " has no effect: " + passedOver.get() + ".");
            } else if (KafkaKeys.isSecurity(key) || key.startsWith("listener.name.")) {
                settings.warn(key + " has no effect: listeners have no security and no settings of their own yet.");
            } else {
                Set<String> names = new HashSet<>(ServerKeys.ALL.keySet());
                names.addAll(KafkaKeys.PASSED_OVER.keySet());
                settings.problem("Unknown key " + key + "=" + shownValue(key, value) + Suggestion.of(key, names));
            }
        });
    }

    private static String shownValue(String key, String value) {
        return Secrets.isSecret(key) ? "(hidden)" : value;
    }

    private static BrokerConfig read(Settings settings, Map<String, String> raw) {
        NodeSettings node = new NodeSettings(settings, raw);
        Set<Role> roles = node.roles();
        node.checkBootstrapServers();
        ListenerSettings ports = new ListenerSettings(settings, raw.getOrDefault("controller.listener.names", ""));
        int problems = settings.problems().size();
        List<Listener> parsed =
                roles.contains(Role.BROKER) || !settings.text("listeners").isEmpty() ? ports.listeners() : List.of();
        List<Listener> listeners = roles.contains(Role.BROKER) ? parsed : List.of();
        if (roles.contains(Role.BROKER)
                && parsed.isEmpty()
                && settings.problems().size() == problems) {
            settings.problem(settings.shown("listeners") + " leaves a broker no port for clients");
        }
        HostPort actors = node.actorListener(parsed);
        Optional<HostPort> http = node.httpListener(listeners);
        checkPorts(settings, listeners, actors, http);
        List<Listener> advertised = ports.advertised(listeners);
        return new BrokerConfig(
                node.nodeId(),
                roles,
                Optional.ofNullable(settings.text("broker.rack")).filter(r -> !r.isEmpty()),
                ServerKeys.RACK_AWARE_SELECTOR.equals(settings.text("replica.selector.class")),
                listeners,
                advertised,
                actors,
                http,
                http(settings, http, Stream.concat(listeners.stream(), advertised.stream())),
                node.voters(actors),
                logDirs(settings),
                settings.integer("num.recovery.threads.per.data.dir"),
                clusterId(settings),
                settings.integer("broker.session.timeout.ms"),
                new LeaderBalanceConfig(
                        settings.bool("auto.leader.rebalance.enable"),
                        settings.number("leader.imbalance.check.interval.seconds") * 1000,
                        settings.integer("leader.imbalance.per.broker.percentage")),
                settings.integer("num.partitions"),
                (short) settings.integer("default.replication.factor"),
                settings.bool("auto.create.topics.enable"),
                settings.bool("delete.topic.enable"),
                settings.number("replica.lag.time.max.ms"),
                settings.number("producer.id.expiration.ms"),
                settings.number("log.retention.check.interval.ms"),
                settings.integer("fetch.max.bytes"),
                network(settings),
                cleaner(settings),
                group(settings),
                topicDefaults(settings),
                Collections.unmodifiableMap(raw));
    }

    /** As in Kafka each port stands once, except that one IPv4 and one IPv6 address may share it. */
    private static void checkPorts(
            Settings settings, List<Listener> listeners, HostPort actors, Optional<HostPort> http) {
        Map<Integer, String> taken = new HashMap<>();
        Map<Integer, String> hosts = new HashMap<>();
        for (Listener listener : listeners) {
            int port = listener.address().port();
            String host = listener.address().host();
            String other = hosts.putIfAbsent(port, host);
            boolean twoFamilies =
                    other != null && !host.isEmpty() && !other.isEmpty() && host.contains(":") != other.contains(":");
            claim(
                    settings,
                    twoFamilies ? new HashMap<>() : taken,
                    port,
                    "listener " + listener.name() + " of " + settings.shown("listeners"));
        }
        claim(settings, taken, actors.port(), "troupe.actor.listener=" + actors);
        http.ifPresent(h -> claim(settings, taken, h.port(), "troupe.http.listener=" + h));
    }

    private static void claim(Settings settings, Map<Integer, String> taken, int port, String who) {
        String other = port == 0 ? null : taken.putIfAbsent(port, who);
        if (other != null) {
            settings.problem(
                    "Port " + port + " is claimed twice: by " + other + " and by " + who + "; give each its own port");
        }
    }

    private static List<Path> logDirs(Settings settings) {
        String key = settings.has("log.dirs") ? "log.dirs" : "log.dir";
        List<Path> dirs = new ArrayList<>();
        for (String dir : ConfigKey.split(settings.text(key))) {
            try {
                Path path = home().resolve(dir).toAbsolutePath().normalize();
                if (dirs.contains(path)) {
                    settings.problem(settings.shown(key) + ": " + path + " is listed twice");
                } else {
                    dirs.add(path);
                }
            } catch (InvalidPathException e) {
                settings.problem(settings.shown(key) + ": " + dir + " is not a path: " + e.getReason());
            }
        }
        if (dirs.isEmpty()) {
            settings.problem(settings.shown(key) + " must name at least one directory");
        }
        return List.copyOf(dirs);
    }

    /** Where relative directories start, so that a broker finds its data again wherever its script was called from. */
    private static Path home() {
        return Path.of(System.getProperty("troupe.home", ""));
    }

    private static Optional<String> clusterId(Settings settings) {
        String id = settings.text("cluster.id");
        if (id != null && !id.matches("[A-Za-z0-9._-]{1,255}")) {
            settings.problem(settings.shown("cluster.id") + " must be 1 to 255 letters, digits, dots, underlines or"
                    + " hyphens");
        }
        return Optional.ofNullable(id);
    }

    private static NetworkConfig network(Settings settings) {
        int request = settings.integer("socket.request.max.bytes");
        long inFlight = settings.number("queued.max.request.bytes");
        if (inFlight > 0 && inFlight < request) {
            settings.problem(settings.shown("queued.max.request.bytes") + " must be at least socket.request.max.bytes ("
                    + request + "), or -1");
        }
        if (inFlight <= 0) {
            inFlight = Math.max(
                    request,
                    Math.max(LEAST_IN_FLIGHT_BYTES, Runtime.getRuntime().maxMemory() / 4));
        }
        return new NetworkConfig(
                settings.integer("num.network.threads"),
                settings.integer("num.io.threads"),
                settings.integer("socket.send.buffer.bytes"),
                settings.integer("socket.receive.buffer.bytes"),
                request,
                settings.integer("socket.listen.backlog.size"),
                settings.integer("max.connections"),
                settings.integer("max.connections.per.ip"),
                settings.number("connections.max.idle.ms"),
                settings.number("troupe.connection.inflight.max.bytes"),
                inFlight);
    }

    /** @param listeners of the Kafka port and as it is advertised, by whose names this machine may be called */
    private static HttpConfig http(Settings settings, Optional<HostPort> http, Stream<Listener> listeners) {
        List<String> origins = ConfigKey.split(settings.text("troupe.http.cors.origins"));
        for (String origin : origins) {
            if (!origin.equals("*") && !origin.matches("https?://[A-Za-z0-9.\\-\\[\\]:]+")) {
                settings.problem(settings.shown("troupe.http.cors.origins") + ": " + origin
                        + " must be *, or as in https://console.example.com");
            }
        }
        return new HttpConfig(
                settings.integer("troupe.http.max.connections"),
                settings.integer("troupe.http.max.requests"),
                settings.integer("troupe.http.request.max.bytes"),
                settings.integer("troupe.http.response.max.bytes"),
                settings.integer("troupe.http.request.timeout.ms"),
                settings.integer("troupe.http.max.consumer.instances"),
                settings.integer("troupe.http.consumer.instance.timeout.ms"),
                origins,
                allowedHosts(settings, http, listeners.map(Listener::address)));
    }

    private static Set<String> allowedHosts(Settings settings, Optional<HostPort> http, Stream<HostPort> known) {
        List<String> named = ConfigKey.split(settings.text("troupe.http.allowed.hosts"));
        for (String name : named) {
            if (!name.equals("*") && !name.matches("[A-Za-z0-9._-]+")) {
                settings.problem(settings.shown("troupe.http.allowed.hosts") + ": " + name
                        + " must be *, or a name without a port as in console.example.com");
            }
        }
        boolean loopback = http.filter(h -> Addresses.isLoopback(h.host())).isPresent();
        if (named.isEmpty() && !loopback) {
            return Set.of("*");
        }
        return Stream.of(named.stream(), Stream.concat(http.stream(), known).map(HostPort::host))
                .flatMap(names -> names)
                .map(name -> name.toLowerCase(Locale.ROOT))
                .collect(Collectors.toUnmodifiableSet());
    }

    private static CleanerConfig cleaner(Settings settings) {
        return new CleanerConfig(
                settings.bool("log.cleaner.enable"),
                settings.number("log.cleaner.dedupe.buffer.size"),
                settings.decimal("log.cleaner.io.buffer.load.factor"),
                settings.integer("log.cleaner.io.buffer.size"),
                settings.decimal("log.cleaner.io.max.bytes.per.second"),
                settings.number("log.cleaner.backoff.ms"));
    }

    private static GroupConfig group(Settings settings) {
        int least = settings.integer("group.min.session.timeout.ms");
        int most = settings.integer("group.max.session.timeout.ms");
        if (least > most) {
            settings.problem(settings.shown("group.min.session.timeout.ms") + " must be at most "
                    + settings.shown("group.max.session.timeout.ms"));
        }
        return new GroupConfig(
                settings.integer("offsets.topic.num.partitions"),
                (short) settings.integer("offsets.topic.replication.factor"),
                settings.integer("offsets.topic.segment.bytes"),
                settings.integer("offset.metadata.max.bytes"),
                settings.integer("offsets.retention.minutes") * 60_000L,
                least,
                most,
                settings.integer("group.initial.rebalance.delay.ms"),
                settings.integer("group.heartbeat.max.hold.ms"),
                settings.integer("group.max.size"),
                consumerGroup(settings));
    }

    private static ConsumerGroupConfig consumerGroup(Settings settings) {
        between(settings, "group.consumer.", "session.timeout.ms");
        between(settings, "group.consumer.", "heartbeat.interval.ms");
        if (settings.has("group.consumer.heartbeat.interval.ms")
                && settings.integer("group.consumer.heartbeat.interval.ms")
                        >= settings.integer("group.consumer.session.timeout.ms")) {
            settings.problem(settings.shown("group.consumer.heartbeat.interval.ms") + " must be less than "
                    + settings.shown("group.consumer.session.timeout.ms"));
        }
        List<String> assignors = Arrays.stream(
                        settings.text("group.consumer.assignors").split(","))
                .map(String::trim)
                .toList();
        return new ConsumerGroupConfig(
                settings.integer("group.consumer.session.timeout.ms"),
                settings.has("group.consumer.heartbeat.interval.ms")
                        ? settings.integer("group.consumer.heartbeat.interval.ms")
                        : ConsumerGroupConfig.CHOSEN_BY_LOAD,
                new ConsumerGroupConfig.Bounds(
                        settings.integer("group.consumer.min.session.timeout.ms"),
                        settings.integer("group.consumer.max.session.timeout.ms"),
                        settings.integer("group.consumer.min.heartbeat.interval.ms"),
                        settings.integer("group.consumer.max.heartbeat.interval.ms")),
                settings.integer("group.consumer.max.size"),
                assignors,
                GroupMigrationPolicy.named(settings.text("group.consumer.migration.policy")));
    }

    private static void between(Settings settings, String prefix, String name) {
        String least = prefix + "min." + name;
        String most = prefix + "max." + name;
        String key = prefix + name;
        if (settings.integer(least) > settings.integer(most)) {
            settings.problem(settings.shown(least) + " must be at most " + settings.shown(most));
        } else if (settings.has(key)
                && (settings.integer(key) < settings.integer(least)
                        || settings.integer(key) > settings.integer(most))) {
            settings.problem(
                    settings.shown(key) + " must be from " + settings.shown(least) + " to " + settings.shown(most));
        }
    }

    /** What the broker's keys say about topics, in the topics' own names and units. */
    private static Map<String, String> topicDefaults(Settings settings) {
        Map<String, String> defaults = new TreeMap<>();
        for (TopicKeys.Row row : TopicKeys.ALL.values()) {
            for (TopicKeys.BrokerKey key : row.brokerKeys()) {
                if (settings.has(key.name())) {
                    String value = settings.text(key.name());
                    if (key.unitMs() != 1) {
                        long number = settings.integer(key.name());
                        value = Long.toString(number < 0 ? -1 : number * key.unitMs());
                    }
                    defaults.put(row.key().name(), value);
                    break;
                }
            }
        }
        return Collections.unmodifiableMap(defaults);
    }
}
