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
 * <p>Exit codes: 0 after an orderly stop, 1 when the start is refused (the reason is on standard error), {@link
 * #EXIT_REJOIN} when this incarnation must be started again to rejoin its cluster.
 */
public final class Main {
    /** The one exit code on which a supervisor starts the process again. */
    public static final int EXIT_REJOIN = 85;

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
            refuse(e.getMessage() + System.lineSeparator() + Arguments.USAGE);
            return;
        }
        try {
            ServerProperties.Loaded loaded = ServerProperties.load(arguments.properties(), arguments.overrides());
            loaded.warnings().forEach(log::warn);
            serve(loaded.config());
        } catch (ConfigurationException | LogDirException | StartException e) {
            refuse(e.getMessage());
        }
    }

    private static void serve(BrokerConfig config) {
        Broker broker = Broker.open(config);
        // Before it serves: a start that waits for other nodes ends in order, too.
        Runtime.getRuntime().addShutdownHook(new Thread(broker::close, "stop"));
        broker.serve();
        System.out.println(readyLine(config.nodeId(), broker));
        System.out.flush();
        int code = broker.awaitStopped();
        if (code != 0) {
            broker.close();
            // The hook has nothing left to do, and the code is what the supervisor reads.
            Runtime.getRuntime().halt(code);
        }
    }

    private static String readyLine(int nodeId, Broker broker) {
        return "Troupe broker " + nodeId + " is ready, serving "
                + broker.listeners().stream()
                        .map(l -> l.name() + "://" + l.address())
                        .collect(Collectors.joining(","))
                + " (cluster " + broker.clusterId() + ", actors " + broker.actorAddress() + ")";
    }

    private static void refuse(String reason) {
        System.err.println("Troupe did not start: " + reason);
        System.err.flush();
        System.exit(1);
    }
}
