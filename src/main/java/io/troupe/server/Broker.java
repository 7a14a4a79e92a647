package io.troupe.server;

import io.troupe.api.ReadLanes;
import io.troupe.api.TrafficStats;
import io.troupe.config.BrokerConfig;
import io.troupe.config.HostPort;
import io.troupe.config.Listener;
import io.troupe.config.TopicConfigs;
import io.troupe.controller.AwaitedVoters;
import io.troupe.controller.ClusterFormation;
import io.troupe.controller.ControllerStats;
import io.troupe.http.BrokerMetrics;
import io.troupe.http.ClusterMetrics;
import io.troupe.http.HttpService;
import io.troupe.http.JmxMetrics;
import io.troupe.http.Metric;
import io.troupe.journal.Journals;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.PartitionImage;
import io.troupe.metadata.TopicImage;
import io.troupe.partition.LocalReplicas;
import io.troupe.protocol.KafkaServer;
import io.troupe.protocol.NetworkStats;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.pekko.Done;
import org.apache.pekko.actor.BootstrapSetup;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.setup.ActorSystemSetup;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.typed.Cluster;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One broker in this JVM, from opened log dirs to closed ones. {@link #start} returns when it serves; {@link #close}
 * returns when everything acknowledged is on its way to disk and the log dirs are marked as closed in order.
 *
 * <p>Start: lock the log dirs, check the ports, start the actor system, form or join the cluster, register, open the
 * assigned replicas, open the Kafka port. Stop goes the other way: move leaderships, close the port, close the logs, leave
 * the cluster, close the log dirs.
 */
public final class Broker implements AutoCloseable {
    /** {@link #stopped}: this incarnation must be started again to rejoin its cluster. */
    public static final int EXIT_REJOIN = Main.EXIT_REJOIN;

    /** {@link #stopped} after {@link #kill}: as a shell has it of a process that SIGKILL ended. */
    private static final int EXIT_KILLED = 137;

    private static final String ENDED = "The broker was ended while it started.";

    /** Forming a cluster may have to wait for a majority of voters, so this only bounds each log line's interval. */
    private static final long REGISTRATION_LOG_INTERVAL_S = 30;
    /** A log that takes longer to recover does not keep the others from being served. */
    private static final long OPEN_LOGS_TIMEOUT_MS = 10_000;

    private static final long CONTROLLED_SHUTDOWN_TIMEOUT_S = 10;
    private static final long CLOSE_LOGS_TIMEOUT_S = 30;
    private static final long LEAVE_TIMEOUT_S = 20;
    /** Each step of a stop that nobody asked for: what died does not answer, and clients wait for the next start. */
    private static final long DEAD_STEP_TIMEOUT_S = 3;

    private static final Logger log = LoggerFactory.getLogger(Broker.class);

    private final BrokerConfig config;
    private final Journals journals;
    private final ListenerPorts ports;
    private final MetadataCache metadata = new MetadataCache();
    private final LocalReplicas replicas = new LocalReplicas();
    private final ControllerStats controllerStats = new ControllerStats();
    private final CompletableFuture<Integer> ended = new CompletableFuture<>();
    private final AtomicBoolean closing = new AtomicBoolean();
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    /** Completed while it stops, once no majority of the voters is there to take over or to confirm anything. */
    private final CompletableFuture<Void> alone = new CompletableFuture<>();
    /** Held by each step of the start. */
    private final Object starting = new Object();

    private Map<String, Object> moreSettings = Map.of();
    private final ExecutorService recentReads;
    private final ExecutorService oldReads;
    private final ExecutorService groupLoads;
    private ActorSystem<Guardian.Command> system;
    private KafkaServer server;
    private Handlers handlers;
    private JmxMetrics metrics;
    private HttpService http;
    /** Why the cluster does not take this node. */
    private volatile String refusal;
    /** The cluster went on without this node: no controller hears it any more. */
    private volatile boolean outside;

    private Broker(BrokerConfig config, Journals journals, ListenerPorts ports) {
        this.config = config;
        this.journals = journals;
        this.ports = ports;
        this.recentReads = threads("log-reads");
        this.oldReads = threads("old-log-reads");
        this.groupLoads = threads("group-loads");
    }

    /** Up to {@code num.io.threads} that may wait for a disk; the bounds of what waits for them are their users'. */
    private ExecutorService threads(String name) {
        int most = config.network().numIoThreads();
        ThreadPoolExecutor threads =
                new ThreadPoolExecutor(most, most, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                    Thread thread = new Thread(task, name);
                    thread.setDaemon(true);
                    return thread;
                });
        threads.allowCoreThreadTimeOut(true);
        return threads;
    }

    /**
     * Starts a broker and waits until it serves.
     *
     * @throws io.troupe.journal.LogDirException when a log dir cannot be used
     * @throws StartException when a port is taken or the node is refused by its cluster
     */
    public static Broker start(BrokerConfig config) {
        Broker broker = open(config);
        broker.serve();
        return broker;
    }

    /** Checks ports and locks the log dirs, no more; {@link #serve} does the rest. Close it in any case. */
    public static Broker open(BrokerConfig config) {
        Journals.requireFree(config);
        ListenerPorts ports = ListenerPorts.choose(config);
        Journals journals = null;
        try {
            journals = Journals.open(config);
            return new Broker(config, journals, ports);
        } catch (Throwable e) {
            if (journals != null) {
                journals.close();
            }
            ports.close();
            throw e;
        }
    }

    /**
     * It is to be part of a program that did not ask for actors: of theirs only errors are logged, not each attempt to reach a node that is
     * away, and an end waits hardly for what other nodes have not read yet, which may end with it. Before {@link #serve}.
     */
    public void embedded() {
        moreSettings =
                Map.of("pekko.loglevel", "ERROR", "pekko.remote.artery.advanced.shutdown-flush-timeout", "50 ms");
    }

    /**
     * Blocks until the broker serves; closes it when it cannot, whatever the failure: an error of the JVM's, too, and an exception that
     * the actor library, where none is declared, throws all the same.
     *
     * @throws StartException when it is refused by its cluster, or is ended meanwhile
     */
    public void serve() {
        try {
            run();
        } catch (Throwable e) {
            boolean asked = closing.get() && !(e instanceof StartException);
            close();
            if (asked) {
                throw new StartException(ENDED, e);
            }
            throw e;
        }
    }

    private void run() {
        Guardian.Parts parts = new Guardian.Parts(
                config,
                ports.advertised(),
                journals,
                metadata,
                replicas,
                groupLoads,
                controllerStats,
                outcome(),
                this::onFatal);
        journals.onAllDirsFailed(this::onNoLogDir);
        unlessEnded(() -> system = ActorSystem.create(
                Guardian.create(parts),
                Node.SYSTEM,
                ActorSystemSetup.create(
                        BootstrapSetup.create(Node.settings(config, journals, moreSettings))
                                .withClassloader(getClass().getClassLoader()),
                        journals)));
        system.getWhenTerminated().whenComplete((done, failure) -> onFatal("its actor system has ended"));
        // After an error that no actor survives the system only begins to end: the mailbox that threw runs no more.
        CoordinatedShutdown.get(system).addTask(CoordinatedShutdown.PhaseBeforeServiceUnbind(), "broker-ends", () -> {
            onFatal("its actor system is ending; the log says why");
            return CompletableFuture.completedFuture(Done.getInstance());
        });
        CompletableFuture<Guardian.Started> started = new CompletableFuture<>();
        system.tell(new Guardian.AwaitStarted(started));
        TrafficStats traffic = new TrafficStats();
        // While the actors join and register, for which there is nothing to do here but wait.
        NetworkStats stats = new NetworkStats();
        List<Metric> shown = new ArrayList<>(BrokerMetrics.of(journals, stats, traffic));
        shown.addAll(ClusterMetrics.of(
                config.nodeId(),
                metadata,
                overrides -> TopicConfigs.effective(config, overrides).minInsyncReplicas(),
                controllerStats));
        unlessEnded(() -> metrics = JmxMetrics.show(config.nodeId(), shown));
        Guardian.Started services = await(started);
        journals.brokerEpoch(services.brokerEpoch());
        journals.setClusterId(metadata.current().clusterId());
        awaitLogs();
        if (config.roles().contains(BrokerConfig.Role.BROKER)) {
            unlessEnded(() -> {
                openKafkaPort(services, stats, traffic);
                openHttpPort(shown, stats);
            });
        }
    }

    /** What ends the broker while it starts, and all that it does, comes before this step or after it: nothing is left behind. */
    private void unlessEnded(Runnable step) {
        synchronized (starting) {
            if (closing.get()) {
                throw new StartException(ENDED, null);
            }
            step.run();
        }
    }

    private void awaitStep() {
        synchronized (starting) {
            // What it made is seen from here on.
        }
    }

    private void openKafkaPort(Guardian.Started services, NetworkStats stats, TrafficStats traffic) {
        handlers = new Handlers(
                config, metadata, replicas, journals, services, new ReadLanes(recentReads, oldReads), stats, traffic);
        server = new KafkaServer(
                ports.bound(), config.network(), config.originals(), handlers.dispatcher(), stats, this::onFatal);
        try {
            server.start();
        } catch (IOException e) {
            throw new StartException(e.getMessage(), e);
        }
    }

    /** After the Kafka port, and beside it: what HTTP needs takes a while to be loaded, and nobody else waits for it. */
    private void openHttpPort(List<Metric> shown, NetworkStats stats) {
        config.httpListener()
                .ifPresent(address -> http = HttpService.start(
                        system,
                        address,
                        new HttpService.Parts(
                                config,
                                ports.advertised().get(0),
                                metadata,
                                handlers.dispatcher(),
                                shown,
                                stats.times())));
    }

    private Guardian.Started await(CompletableFuture<Guardian.Started> started) {
        while (true) {
            try {
                CompletableFuture.anyOf(started, ended).get(REGISTRATION_LOG_INTERVAL_S, TimeUnit.SECONDS);
                if (!started.isDone()) {
                    String reason = refusal;
                    String otherwise =
                            closing.get() ? ENDED : "The node ended before it could register; the log says why.";
                    throw new StartException(reason != null ? reason : otherwise, null, ended.join());
                }
                return started.join();
            } catch (TimeoutException e) {
                log.info(
                        "Still waiting for {}",
                        AwaitedVoters.of(Cluster.get(system), config.nodeId(), config.voters()));
            } catch (InterruptedException | ExecutionException e) {
                throw new StartException("The broker could not start: " + e.getMessage(), e);
            }
        }
    }

    /** Waits, bounded, until the partitions that this broker is to lead are led. */
    private void awaitLogs() {
        List<TopicIdPartition> own = new ArrayList<>();
        for (TopicImage topic : metadata.current().topics().values()) {
            for (PartitionImage partition : topic.partitions()) {
                if (partition.leader() == config.nodeId()) {
                    own.add(new TopicIdPartition(topic.topicId(), partition.partition(), topic.name()));
                }
            }
        }
        replicas.awaitLed(own, OPEN_LOGS_TIMEOUT_MS).toCompletableFuture().join();
        long opening = own.stream()
                .filter(p -> replicas.leader(p.topicId(), p.partition()) == null)
                .count();
        if (opening > 0) {
            log.warn("{} of {} partitions are still opening their logs; serving the others", opening, own.size());
        }
    }

    private ClusterFormation.Outcome outcome() {
        return new ClusterFormation.Outcome() {
            @Override
            public void refused(String reason) {
                if (!closing.get() && !ended.isDone()) {
                    log.error("The cluster refuses this node: {}", reason);
                    refusal = reason;
                    ended.complete(Main.EXIT_REFUSED);
                }
            }

            @Override
            public void rejoin(String reason) {
                outside = true;
                onFatal(reason);
            }
        };
    }

    /**
     * Something without which the node is of no use ended: the process must start again. While {@link #close} is under way
     * an end is what was asked for, and close has the last word.
     */
    private void onFatal(String reason) {
        if (!closing.get() && !ended.isDone()) {
            log.error("The broker cannot go on: {}", reason);
            ended.complete(Main.EXIT_REJOIN);
        }
    }

    /** As Kafka does: a broker that can store nothing is of no use, and another start on the same disks would not help. */
    private void onNoLogDir() {
        if (!closing.get() && !ended.isDone()) {
            log.error("The broker ends: every directory in log.dirs has failed. Repair the disks and start it again.");
            ended.complete(Main.EXIT_FAILED);
        }
    }

    /**
     * Blocks until the broker has stopped by itself or was closed.
     *
     * @return the process's exit code
     */
    public int awaitStopped() {
        return ended.join();
    }

    /** Completed, with what {@link #awaitStopped} returns, when it has stopped by itself or was closed. */
    public CompletionStage<Integer> stopped() {
        return ended.minimalCompletionStage();
    }

    /** What clients are told, ports resolved. */
    public List<Listener> listeners() {
        return ports.advertised();
    }

    /** Where HTTP is served; empty until it is, which may be a moment after {@link #start}, and when it is switched off. */
    public Optional<HostPort> httpAddress() {
        return http == null ? Optional.empty() : http.address();
    }

    public String clusterId() {
        return metadata.current().clusterId();
    }

    /** Where the actors of other nodes reach this one. */
    public String actorAddress() {
        return system.address().getHost().get() + ":"
                + system.address().getPort().get();
    }

    /** Stops in order; idempotent. Each step is bounded, and a step that fails does not keep the next ones from being taken. */
    @Override
    public void close() {
        if (!closing.compareAndSet(false, true)) {
            closed.join();
            return;
        }
        try {
            stop();
        } finally {
            ended.complete(0);
            closed.complete(null);
        }
    }

    /**
     * Ends as a killed process does, for tests: tells nobody, closes nothing in order, and leaves its data as it is. Idempotent; waits for a
     * {@link #close} under way.
     */
    public void kill() {
        if (!closing.compareAndSet(false, true)) {
            closed.join();
            return;
        }
        try {
            awaitStep();
            if (server != null) {
                server.stop();
                handlers.close();
            }
            if (http != null) {
                http.abandon();
            }
            if (system != null) {
                endActorsAtOnce();
            }
            letGo();
            journals.abandon();
        } finally {
            ended.complete(EXIT_KILLED);
            closed.complete(null);
        }
    }

    private void stop() {
        awaitStep();
        if (system != null) {
            system.tell(new Guardian.Stopping(alone));
        }
        if (system != null && !outside) {
            step("controlled shutdown", CONTROLLED_SHUTDOWN_TIMEOUT_S, alone, Guardian.PrepareShutdown::new);
        }
        if (http != null) {
            // Goes on beside the steps below; not beside those above, for which writers wait.
            http.close();
        }
        if (server != null) {
            server.stop();
            if (http != null) {
                http.awaitClosed();
            }
            handlers.close();
        }
        if (system != null) {
            step("closing the logs", CLOSE_LOGS_TIMEOUT_S, new CompletableFuture<>(), Guardian.CloseLogs::new);
            endActors();
        }
        letGo();
        journals.close();
    }

    /**
     * Leaving a cluster takes it a second of gossip, and is for its other nodes: a node without any, or without those that could confirm it,
     * does not wait for that. Who comes back just then takes it for one whose process has ended, and takes it out at once.
     */
    private void endActors() {
        if (Cluster.get(system).state().members().size() > 1 && !alone.isDone()) {
            system.terminate();
            awaitTerminated(alone);
        }
        if (!system.getWhenTerminated().toCompletableFuture().isDone()) {
            endActorsAtOnce();
        }
    }

    /** Tells no other node. */
    private void endActorsAtOnce() {
        ((ExtendedActorSystem) system.classicSystem()).finalTerminate();
        awaitTerminated(new CompletableFuture<>());
    }

    /** @param orNot completed when there is nothing to wait for any more */
    private void awaitTerminated(CompletableFuture<Void> orNot) {
        try {
            CompletableFuture.anyOf(system.getWhenTerminated().toCompletableFuture(), orNot)
                    .get(patienceS(LEAVE_TIMEOUT_S), TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            log.warn("The actor system has not ended within {} s", patienceS(LEAVE_TIMEOUT_S));
        }
    }

    /** Of what is neither actors nor data. */
    private void letGo() {
        if (metrics != null) {
            metrics.close();
        }
        List.of(recentReads, oldReads, groupLoads).forEach(ExecutorService::shutdownNow);
        ports.close();
    }

    /** @param orNot completed when there is nothing to wait for any more */
    private void step(
            String what,
            long timeoutS,
            CompletableFuture<Void> orNot,
            java.util.function.Function<CompletableFuture<Void>, Guardian.Command> command) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        system.tell(command.apply(done));
        try {
            // Without actors nobody answers.
            CompletableFuture.anyOf(done, system.getWhenTerminated().toCompletableFuture(), orNot)
                    .get(patienceS(timeoutS), TimeUnit.SECONDS);
            if (orNot.isDone() && !done.isDone()) {
                log.info("Stopping: no majority of controller.quorum.voters answers, so {} is not waited for", what);
            }
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            log.warn("Stopping: {} was not done within {} s; going on", what, patienceS(timeoutS));
        }
    }

    private long patienceS(long timeoutS) {
        return ended.isDone() ? Math.min(timeoutS, DEAD_STEP_TIMEOUT_S) : timeoutS;
    }
}
