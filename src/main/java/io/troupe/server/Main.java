package io.troupe.server;

import io.troupe.config.BrokerConfig;
import io.troupe.config.ConfigurationException;
import io.troupe.config.ServerProperties;
import io.troupe.journal.LogDirException;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A broker's process: reads the configuration, starts the broker, prints one line when it serves, and stops it in order
 * on SIGTERM or SIGINT.
 *
 * <p>Exit codes: 0 after an orderly stop, 1 when the start is refused (the reason is on standard error) or every log dir has
 * failed, {@link #EXIT_REJOIN} when this incarnation must be started again to rejoin its cluster.
 */
public final class Main {
    /** The one exit code on which a supervisor starts the process again. */
    public static final int EXIT_REJOIN = 85;

    static final int EXIT_REFUSED = 1;

    /** Another start would not help before somebody has mended something. */
    static final int EXIT_FAILED = 1;

    /** Named here and not found by its name, so that a program that has a broker in it keeps its own logging. */
    private static final String LOGGING = "logback.configurationFile";

    static {
        if (System.getProperty(LOGGING) == null) {
            System.setProperty(LOGGING, "logback-broker.xml");
        }
    }

    private static final Logger log = LoggerFactory.getLogger(Main.class);

    private Main() {}

    public static void main(String[] args) {
        if (args.length == 1 && args[0].equals("--train")) {
            System.exit(Training.run());
        }
        Arguments arguments;
        try {
            arguments = Arguments.parse(args);
        } catch (IllegalArgumentException e) {
            refuse(e.getMessage() + System.lineSeparator() + Arguments.USAGE, EXIT_REFUSED);
            return;
        }
        try {
            ServerProperties.Loaded loaded = ServerProperties.load(arguments.properties(), arguments.overrides());
            log.info(
                    "Troupe {} begins as node {} on Java {} with {}{}",
                    version(),
                    loaded.config().nodeId(),
                    Runtime.version(),
                    arguments.properties().toAbsolutePath().normalize(),
                    arguments.overrides().isEmpty() ? "" : " and what the command line overrides");
            loaded.warnings().forEach(log::warn);
            serve(loaded.config());
        } catch (StartException e) {
            refuse(e.getMessage(), e.exitCode());
        } catch (ConfigurationException | LogDirException e) {
            refuse(e.getMessage(), EXIT_REFUSED);
        }
    }

    /** The jar's manifest holds it; classes that run outside of it have none. */
    private static String version() {
        String version = Main.class.getPackage().getImplementationVersion();
        return version == null ? "(unknown version)" : version;
    }

    private static void serve(BrokerConfig config) {
        Broker broker = Broker.open(config);
        // Before it serves: a start that waits for other nodes ends in order, too.
        Runtime.getRuntime().addShutdownHook(new Thread(broker::close, "stop"));
        broker.serve();
        System.out.println(readyLine(config, broker));
        System.out.flush();
        int code = broker.awaitStopped();
        if (code != 0) {
            broker.close();
            // The hook has nothing left to do, and the code is what the supervisor reads.
            Runtime.getRuntime().halt(code);
        }
    }

    /** The start script waits for its first words. */
    private static String readyLine(BrokerConfig config, Broker broker) {
        String serving = config.roles().contains(BrokerConfig.Role.BROKER)
                ? "Troupe broker " + config.nodeId() + " is ready, serving "
                        + broker.listeners().stream()
                                .map(l -> l.name() + "://" + l.address())
                                .collect(Collectors.joining(","))
                : "Troupe controller " + config.nodeId() + " is ready, voting";
        return serving + " (cluster " + broker.clusterId() + ", actors " + broker.actorAddress() + ")";
    }

    private static void refuse(String reason, int exitCode) {
        System.err.println("Troupe did not start: " + reason);
        System.err.flush();
        System.exit(exitCode);
    }
}
