package io.troupe.tools;

import java.io.IOException;
import java.io.PrintStream;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;

/**
 * Looks after a cluster from the command line ({@code bin/troupe-cluster.sh}): how it is, what its metadata says, and moving
 * replicas. Ends with 0; with 1 after a message on standard error; {@code status} ends with 2 when something needs doing.
 */
public final class ClusterCommand {
    private static final String HELP = """
            Looks after a cluster. Actions of Troupe's:

              status          whether all is well, and what to do if not (exit code 0, else 2)
              metadata        brokers, controller, partitions and groups as the tree that ZooKeeper showed
              rebalance       previews moves after which all brokers hold and lead equally many partitions
              drain BROKER    previews moves after which a broker holds nothing

              --bootstrap-server HOST:PORT   the brokers to connect to (required)
              --command-config FILE          properties for the client
              --topic T, --group G           metadata: of topics and groups only these; may be repeated
              --execute                      rebalance, drain: carry the moves out and wait for them
              --throttle BYTES               with --execute: most bytes a second that a broker sends, and that one takes

            And Kafka's: cluster-id, list-endpoints, unregister --id BROKER.
            """;
    private static final Set<String> ACTIONS = Set.of("status", "metadata", "rebalance", "drain");
    private static final Set<String> KAFKAS = Set.of("cluster-id", "list-endpoints", "unregister");
    private static final Set<String> WITH_VALUE =
            Set.of("--bootstrap-server", "--command-config", "--topic", "--group", "--throttle");
    private static final int NOT_WELL = 2;
    /** For one answer, unless {@code --command-config} says otherwise. */
    private static final int PATIENCE_MS = 20_000;

    private final List<String> words = new ArrayList<>();
    private final Map<String, List<String>> options = new LinkedHashMap<>();
    private final PrintStream out;

    private ClusterCommand(List<String> arguments, PrintStream out) {
        this.out = out;
        for (int i = 0; i < arguments.size(); i++) {
            String argument = arguments.get(i);
            int equals = argument.indexOf('=');
            String name = argument.startsWith("--") && equals > 0 ? argument.substring(0, equals) : argument;
            if (!argument.startsWith("--")) {
                words.add(argument);
            } else if (WITH_VALUE.contains(name)) {
                if (equals < 0 && i + 1 == arguments.size()) {
                    throw new UsageException(name + " needs a value");
                }
                String value = equals > 0 ? argument.substring(equals + 1) : arguments.get(++i);
                options.computeIfAbsent(name, n -> new ArrayList<>()).add(value);
            } else if (argument.equals("--execute")) {
                options.put(argument, List.of());
            } else {
                throw new UsageException(argument + " is no option; --help lists them");
            }
        }
    }

    public static void main(String[] arguments) {
        System.exit(run(List.of(arguments), System.out, System.err));
    }

    /** Runs one command and answers the exit code. */
    static int run(List<String> arguments, PrintStream out, PrintStream err) {
        if (arguments.isEmpty() || arguments.contains("--help")) {
            out.print(HELP);
            return arguments.isEmpty() ? 1 : 0;
        }
        try {
            return new ClusterCommand(arguments, out).run();
        } catch (UsageException | BalancePlan.Impossible | ReplicaMoves.Unfinished e) {
            err.println(e.getMessage());
        } catch (ExecutionException e) {
            tell(e.getCause(), err);
        } catch (IOException | RuntimeException e) {
            tell(e, err);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            tell(e, err);
        }
        return 1;
    }

    /** kafka-clients wraps a bad client setting; the reason is the last in the chain. */
    private static void tell(Throwable cause, PrintStream err) {
        if (cause instanceof TimeoutException) {
            err.println(
                    "The brokers did not answer in time (" + cause.getMessage() + "). Their port takes connections: is"
                            + " it one of Kafka's protocol, do its brokers get to run, and can this machine reach the"
                            + " advertised.listeners of all of them?");
            return;
        }
        for (Throwable t = cause; t != null; t = t.getCause()) {
            err.println(t);
        }
    }

    private int run() throws IOException, ExecutionException, InterruptedException {
        String action = words.isEmpty() ? "" : words.get(0);
        if (!ACTIONS.contains(action)) {
            throw new UsageException((action.isEmpty() ? "No action is given." : unknown(action))
                    + " Troupe's are status, metadata, rebalance and drain, Kafka's (the first word then) cluster-id,"
                    + " list-endpoints and unregister; --help tells more.");
        }
        if (words.size() != (action.equals("drain") ? 2 : 1)) {
            throw new UsageException(
                    action.equals("drain")
                            ? "drain needs the id of one broker: drain 3"
                            : action + " takes no word '" + words.get(words.size() - 1) + "'");
        }
        if (!options.containsKey("--bootstrap-server")) {
            throw new UsageException("--bootstrap-server host:port must be specified");
        }
        Properties client = new Properties();
        client.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, PATIENCE_MS);
        client.put(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, PATIENCE_MS / 2);
        for (String file : options.getOrDefault("--command-config", List.of())) {
            try (Reader reader = Files.newBufferedReader(Path.of(file), StandardCharsets.UTF_8)) {
                client.load(reader);
            }
        }
        String servers = String.join(",", options.get("--bootstrap-server"));
        client.put(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, servers);
        Optional<String> unreachable = Reachable.problem(List.of(servers.split("\\s*,\\s*")));
        if (unreachable.isPresent()) {
            throw new UsageException(unreachable.get());
        }
        try (Admin admin = Admin.create(client)) {
            ClusterView view = ClusterView.of(admin);
            return switch (action) {
                case "status" -> status(view);
                case "metadata" -> {
                    List<String> missing =
                            new ClusterTree(admin, out).print(view, values("--topic"), values("--group"));
                    if (!missing.isEmpty()) {
                        throw new UsageException("There is no " + String.join(", no ", missing) + ".");
                    }
                    yield 0;
                }
                case "drain" -> {
                    drain(admin, view);
                    yield 0;
                }
                default -> {
                    move(admin, view, BalancePlan.of(targets(view, Set.of()), view.replicas()));
                    yield 0;
                }
            };
        }
    }

    /** The actions differ in how they begin, which is what a mistyped one mostly still has. */
    private static String unknown(String action) {
        String suggestion = Stream.concat(ACTIONS.stream(), KAFKAS.stream())
                .filter(known -> action.length() >= 3 && known.startsWith(action.substring(0, 3)))
                .findFirst()
                .map(known -> "; did you mean " + known + "?")
                .orElse(".");
        return "There is no action '" + action + "'" + suggestion;
    }

    private int status(ClusterView view) {
        ClusterStatus.Report report = ClusterStatus.of(view);
        report.lines().forEach(out::println);
        return report.well() ? 0 : NOT_WELL;
    }

    private void drain(Admin admin, ClusterView view) throws ExecutionException, InterruptedException {
        int broker = (int) number("drain", words.get(1), Integer.MAX_VALUE);
        boolean holds = view.replicas().values().stream().anyMatch(r -> r.contains(broker));
        if (!view.brokers().containsKey(broker) && !holds) {
            throw new UsageException("There is no broker " + broker + "; there are "
                    + view.brokers().keySet());
        }
        move(admin, view, BalancePlan.drained(targets(view, Set.of(broker)), view.replicas()));
        if (options.containsKey("--execute")) {
            checkHoldsNothing(admin, broker);
            out.println(
                    "Broker " + broker + " holds nothing. Stop it, then: troupe-cluster.sh unregister --id " + broker);
        }
    }

    /** A broker that is up is given replicas of what is made meanwhile. */
    private static void checkHoldsNothing(Admin admin, int broker) throws ExecutionException, InterruptedException {
        long held = ReplicaMoves.look(
                () -> ClusterView.of(admin).replicas().values().stream()
                        .filter(r -> r.contains(broker))
                        .count(),
                count -> count == 0);
        if (held > 0) {
            throw new ReplicaMoves.Unfinished("Broker " + broker + " holds " + held
                    + " replicas that were made or moved there meanwhile. Run it again to move them too.");
        }
    }

    /** Brokers that may hold replicas, with their racks. */
    private static Map<Integer, String> targets(ClusterView view, Set<Integer> without) {
        Set<Integer> fenced = new TreeSet<>(view.fenced());
        fenced.removeAll(without);
        if (!fenced.isEmpty()) {
            throw new UsageException(ClusterStatus.brokers(fenced, "is fenced", "are fenced")
                    + ": nothing can be copied there. Start it, or when it is gone for"
                    + " good its successor, with the same node.id and an empty log.dirs; or do without it:"
                    + " troupe-cluster.sh drain ID --execute, then unregister --id ID.");
        }
        Map<Integer, String> targets = new TreeMap<>();
        for (Node broker : view.brokers().values()) {
            if (!without.contains(broker.id())) {
                targets.put(broker.id(), broker.rack());
            }
        }
        return targets;
    }

    private void move(Admin admin, ClusterView view, Map<TopicPartition, List<Integer>> plan)
            throws ExecutionException, InterruptedException {
        OptionalLong throttle = values("--throttle").stream()
                .mapToLong(value -> number("--throttle", value, Long.MAX_VALUE))
                .findFirst();
        if (!view.moving().isEmpty()) {
            throw new UsageException(view.moving().size()
                    + " partitions are being moved already; wait until they are, or cancel them with"
                    + " troupe-reassign-partitions.sh.");
        }
        if (plan.isEmpty()) {
            out.println("There is nothing to move.");
            return;
        }
        ReplicaMoves moves = new ReplicaMoves(admin, out);
        moves.preview(view, plan);
        if (options.containsKey("--execute")) {
            moves.execute(view, plan, throttle);
        } else {
            out.println("Nothing was changed. Run it again with --execute to carry this out.");
        }
    }

    private Set<String> values(String option) {
        return new LinkedHashSet<>(options.getOrDefault(option, List.of()));
    }

    private static long number(String what, String value, long most) {
        try {
            long number = Long.parseLong(value);
            if (number >= 0 && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // The same answer as for a number that is out of range.
        }
        throw new UsageException(what + " needs a whole number from 0 to " + most + ", not '" + value + "'");
    }
}
