package io.troupe.tools;

import java.io.IOException;
import java.io.PrintStream;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.GroupIdNotFoundException;

/**
 * What {@code bin/troupe-consumer-groups.sh --describe} tells beyond Kafka's tool: a group's last events, and its lag in seconds. Ends with
 * 0, or with 1 after a message on standard error.
 */
public final class GroupCommand {
    private static final String HELP = """
            What Troupe adds to the description of consumer groups:

              --describe --events        what happened to a group: who joined, left and timed out, how long rebalances took,
                                         who was waited for, what was assigned; the last 50 of each group
              --describe --lag-seconds   as --describe, and for how long the oldest record that is not read yet waits

              --bootstrap-server HOST:PORT   the brokers to connect to (required)
              --command-config FILE          properties for the client
              --group G, --all-groups        which groups; --group may be repeated
              --timeout MS                   for one answer (20000)

            Everything else is Kafka's: the same command without these two options.
            """;
    private static final Set<String> WITH_VALUE =
            Set.of("--bootstrap-server", "--command-config", "--group", "--timeout");
    private static final Set<String> WITHOUT =
            Set.of("--describe", "--events", "--lag-seconds", "--all-groups", "--offsets", "--verbose");
    private static final int PATIENCE_MS = 20_000;

    private final PrintStream out;
    private final Set<String> flags = new LinkedHashSet<>();
    private final Map<String, List<String>> values = new TreeMap<>();

    private GroupCommand(List<String> arguments, PrintStream out) {
        this.out = out;
        for (int i = 0; i < arguments.size(); i++) {
            String argument = arguments.get(i);
            int equals = argument.indexOf('=');
            String name = equals > 0 ? argument.substring(0, equals) : argument;
            if (WITHOUT.contains(argument)) {
                flags.add(argument);
            } else if (WITH_VALUE.contains(name)) {
                if (equals < 0 && i + 1 == arguments.size()) {
                    throw new UsageException(name + " needs a value");
                }
                values.computeIfAbsent(name, n -> new ArrayList<>())
                        .add(equals > 0 ? argument.substring(equals + 1) : arguments.get(++i));
            } else {
                throw new UsageException(
                        argument + " does not go with --events and --lag-seconds; --help lists what does");
            }
        }
    }

    public static void main(String[] arguments) {
        System.exit(run(List.of(arguments), System.out, System.err));
    }

    /** Runs one command and answers the exit code. */
    static int run(List<String> arguments, PrintStream out, PrintStream err) {
        if (arguments.contains("--help")) {
            out.print(HELP);
            return 0;
        }
        try {
            new GroupCommand(arguments, out).run();
            return 0;
        } catch (UsageException e) {
            err.println(e.getMessage());
        } catch (ExecutionException e) {
            err.println(e.getCause());
        } catch (IOException | RuntimeException e) {
            err.println(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            err.println(e);
        }
        return 1;
    }

    private void run() throws IOException, ExecutionException, InterruptedException {
        if (!flags.contains("--describe") || flags.contains("--events") == flags.contains("--lag-seconds")) {
            throw new UsageException("--describe needs one of --events and --lag-seconds here");
        }
        boolean all = flags.contains("--all-groups");
        if (all == values.containsKey("--group")) {
            throw new UsageException("Either --group or --all-groups must be specified");
        }
        if (!values.containsKey("--bootstrap-server")) {
            throw new UsageException("--bootstrap-server host:port must be specified");
        }
        Properties client = client();
        Optional<String> unreachable = Reachable.problem(List.of(
                client.getProperty(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG).split("\\s*,\\s*")));
        if (unreachable.isPresent()) {
            throw new UsageException(unreachable.get());
        }
        try (Admin admin = Admin.create(client)) {
            Map<String, ConsumerGroupDescription> groups = groups(admin, all);
            if (flags.contains("--events")) {
                new RebalanceStory(out).print(groups.values());
            } else {
                new WaitingRecords(admin, out).print(groups);
            }
        }
    }

    private Properties client() throws IOException {
        Properties client = new Properties();
        int patienceMs = patienceMs();
        client.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, patienceMs);
        client.put(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, Math.max(1, patienceMs / 2));
        for (String file : values.getOrDefault("--command-config", List.of())) {
            try (Reader reader = Files.newBufferedReader(Path.of(file), StandardCharsets.UTF_8)) {
                client.load(reader);
            }
        }
        client.put(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, String.join(",", values.get("--bootstrap-server")));
        return client;
    }

    private int patienceMs() {
        for (String value : values.getOrDefault("--timeout", List.of())) {
            if (!value.matches("[1-9][0-9]{0,8}")) {
                throw new UsageException("--timeout needs a number of milliseconds, not '" + value + "'");
            }
            return Integer.parseInt(value);
        }
        return PATIENCE_MS;
    }

    private Map<String, ConsumerGroupDescription> groups(Admin admin, boolean all)
            throws ExecutionException, InterruptedException {
        Set<String> ids = new LinkedHashSet<>(values.getOrDefault("--group", List.of()));
        if (all) {
            for (GroupListing group : admin.listGroups(ListGroupsOptions.forConsumerGroups())
                    .all()
                    .get()) {
                ids.add(group.groupId());
            }
        }
        Map<String, ConsumerGroupDescription> groups = new TreeMap<>();
        for (Map.Entry<String, KafkaFuture<ConsumerGroupDescription>> group :
                admin.describeConsumerGroups(ids).describedGroups().entrySet()) {
            try {
                groups.put(group.getKey(), group.getValue().get());
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof GroupIdNotFoundException)) {
                    throw e;
                }
                if (!all) {
                    throw new UsageException(
                            "Consumer group '" + group.getKey() + "' does not exist; --list tells which do");
                }
                // It went between the two questions.
            }
        }
        return groups;
    }
}
