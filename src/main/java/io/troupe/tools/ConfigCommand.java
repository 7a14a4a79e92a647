package io.troupe.tools;

import java.io.IOException;
import java.io.PrintStream;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConfigEntry.ConfigSource;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.ListConfigResourcesOptions;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * Describes and changes the settings of topics, brokers and groups from the command line ({@code bin/troupe-configs.sh}). Flags and
 * output have the shape of Kafka's {@code kafka-configs.sh}, whose class is not in Kafka's tools jar. Ends with 0, or with 1
 * after a message on standard error.
 */
public final class ConfigCommand {
    private static final String HELP = """
            Describes and changes the settings of topics, brokers and groups.

              --bootstrap-server HOST:PORT   the brokers to connect to (required)
              --command-config FILE          properties for the client
              --describe | --alter           what to do
              --entity-type TYPE             topics, brokers, broker-loggers, groups or client-metrics
              --entity-name NAME             a topic, broker id or group; without it, --describe tells of all
              --entity-default               the defaults of all brokers
              --topic, --broker, --broker-logger, --group, --client-metrics NAME; --broker-defaults
                                             short for a type and a name
              --all                          also describe what was never set
              --add-config K=V,K=[V1,V2]     settings to add; brackets hold values with commas
              --add-config-file FILE         the same from a properties file
              --delete-config K,K            settings to remove
            """;

    private final Admin admin;
    private final PrintStream out;

    ConfigCommand(Admin admin, PrintStream out) {
        this.admin = admin;
        this.out = out;
    }

    public static void main(String[] arguments) {
        System.exit(run(List.of(arguments), System.out, System.err));
    }

    /** Runs one command and answers the exit code. */
    static int run(List<String> arguments, PrintStream out, PrintStream err) {
        ConfigCommandOptions options;
        try {
            options = ConfigCommandOptions.parse(arguments);
        } catch (UsageException e) {
            err.println(e.getMessage());
            return 1;
        }
        switch (options.action()) {
            case HELP -> out.print(HELP);
            case VERSION -> out.println(version());
            default -> {
                return connectAndRun(options, arguments, out, err);
            }
        }
        return 0;
    }

    /** Troupe's version, which the jar's manifest holds; classes that run outside of it have none. */
    private static String version() {
        String version = ConfigCommand.class.getPackage().getImplementationVersion();
        return version == null ? "unknown" : version;
    }

    private static int connectAndRun(
            ConfigCommandOptions options, List<String> arguments, PrintStream out, PrintStream err) {
        try {
            Properties client = new Properties();
            if (options.commandConfig().isPresent()) {
                client.putAll(properties(options.commandConfig().get()));
            }
            client.put(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, options.bootstrapServer());
            try (Admin admin = Admin.create(client)) {
                ConfigCommand command = new ConfigCommand(admin, out);
                if (options.action() == ConfigCommandOptions.Action.ALTER) {
                    command.alter(options);
                } else {
                    command.describe(options);
                }
            }
            return 0;
        } catch (ExecutionException e) {
            return failed(arguments, e.getCause(), err);
        } catch (IOException | RuntimeException e) {
            return failed(arguments, e, err);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return failed(arguments, e, err);
        }
    }

    private static int failed(List<String> arguments, Throwable cause, PrintStream err) {
        err.println("Error while executing config command with args '" + String.join(" ", arguments) + "'");
        // kafka-clients wraps a bad client setting; the reason is the last in the chain
        for (Throwable t = cause; t != null; t = t.getCause()) {
            err.println(t);
        }
        return 1;
    }

    private static Properties properties(String file) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(Path.of(file), StandardCharsets.UTF_8)) {
            properties.load(reader);
        }
        return properties;
    }

    private void alter(ConfigCommandOptions options) throws IOException, ExecutionException, InterruptedException {
        List<AlterConfigOp> changes = new ArrayList<>();
        options.set().forEach((name, value) -> changes.add(set(name, value)));
        if (options.addConfigFile().isPresent()) {
            Properties file = properties(options.addConfigFile().get());
            for (String name : new TreeSet<>(file.stringPropertyNames())) {
                String value = file.getProperty(name).strip();
                boolean grouped = value.startsWith("[") && value.endsWith("]");
                changes.add(set(name, grouped ? value.substring(1, value.length() - 1) : value));
            }
        }
        options.delete()
                .forEach(
                        name -> changes.add(new AlterConfigOp(new ConfigEntry(name, ""), AlterConfigOp.OpType.DELETE)));
        ConfigResource resource =
                new ConfigResource(options.type(), options.entity().orElseThrow());
        admin.incrementalAlterConfigs(Map.<ConfigResource, Collection<AlterConfigOp>>of(resource, changes))
                .all()
                .get();
        if (resource.isDefault()) {
            out.println("Completed updating default config for brokers in the cluster.");
        } else {
            out.println("Completed updating config for " + word(options.type()) + " " + resource.name() + ".");
        }
    }

    private static AlterConfigOp set(String name, String value) {
        return new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET);
    }

    private void describe(ConfigCommandOptions options) throws ExecutionException, InterruptedException {
        if (options.entity().isPresent()) {
            describe(options.type(), options.entity().get(), options.all());
            return;
        }
        for (String name : names(options.type())) {
            describe(options.type(), name, options.all());
        }
    }

    private void describe(ConfigResource.Type type, String name, boolean all)
            throws ExecutionException, InterruptedException {
        ConfigResource resource = new ConfigResource(type, name);
        Config config;
        try {
            config = admin.describeConfigs(List.of(resource), new DescribeConfigsOptions().includeSynonyms(true))
                    .all()
                    .get()
                    .get(resource);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException && type == ConfigResource.Type.TOPIC) {
                out.println("The topic '" + name + "' doesn't exist and doesn't have dynamic config.");
                return;
            }
            throw e;
        }
        String which = all ? "All" : "Dynamic";
        if (resource.isDefault()) {
            out.println("Default configs for brokers in the cluster are:");
        } else {
            out.println(which + " configs for " + word(type) + " " + name + " are:");
        }
        // The brokers' defaults are asked for as a resource of their own, so an entry of another level is noise there.
        Predicate<ConfigEntry> shown = all && !resource.isDefault()
                ? entry -> true
                : entry -> dynamicSources(resource).contains(entry.source());
        config.entries().stream()
                .filter(shown)
                .sorted(Comparator.comparing(ConfigEntry::name))
                .forEach(this::print);
    }

    private void print(ConfigEntry entry) {
        String synonyms = entry.synonyms().stream()
                .map(s -> s.source() + ":" + s.name() + "=" + s.value())
                .collect(Collectors.joining(", ", "{", "}"));
        out.println("  " + entry.name() + "=" + entry.value() + " sensitive=" + entry.isSensitive() + " synonyms="
                + synonyms);
    }

    private static Set<ConfigSource> dynamicSources(ConfigResource resource) {
        return switch (resource.type()) {
            case TOPIC -> Set.of(ConfigSource.DYNAMIC_TOPIC_CONFIG);
            case BROKER ->
                Set.of(
                        resource.isDefault()
                                ? ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG
                                : ConfigSource.DYNAMIC_BROKER_CONFIG);
            case BROKER_LOGGER -> Set.of(ConfigSource.DYNAMIC_BROKER_LOGGER_CONFIG);
            case GROUP -> Set.of(ConfigSource.DYNAMIC_GROUP_CONFIG);
            case CLIENT_METRICS -> Set.of(ConfigSource.DYNAMIC_CLIENT_METRICS_CONFIG);
            case UNKNOWN -> Set.of();
        };
    }

    /** Every entity of a type that a cluster can list; for brokers their common defaults come last, as "". */
    private List<String> names(ConfigResource.Type type) throws ExecutionException, InterruptedException {
        switch (type) {
            case TOPIC -> {
                return new ArrayList<>(new TreeSet<>(admin.listTopics(new ListTopicsOptions().listInternal(true))
                        .names()
                        .get()));
            }
            case BROKER, BROKER_LOGGER -> {
                List<String> names = new ArrayList<>(admin.describeCluster().nodes().get().stream()
                        .map(Node::idString)
                        .sorted(Comparator.comparingInt(Integer::parseInt))
                        .toList());
                if (type == ConfigResource.Type.BROKER) {
                    names.add("");
                }
                return names;
            }
            default -> {
                Set<String> names = new TreeSet<>();
                admin.listConfigResources(Set.of(type), new ListConfigResourcesOptions())
                        .all()
                        .get()
                        .forEach(resource -> names.add(resource.name()));
                if (type == ConfigResource.Type.GROUP) {
                    // Settings may be there before their group, and groups without settings.
                    admin.listGroups().all().get().forEach(group -> names.add(group.groupId()));
                }
                return new ArrayList<>(names);
            }
        }
    }

    private static String word(ConfigResource.Type type) {
        return switch (type) {
            case TOPIC -> "topic";
            case BROKER -> "broker";
            case BROKER_LOGGER -> "broker-logger";
            case GROUP -> "group";
            case CLIENT_METRICS -> "client-metric";
            case UNKNOWN -> "resource";
        };
    }
}
