package io.troupe.embedded;

import io.troupe.server.Broker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A cluster of one broker or three inside this JVM, for tests: on loopback ports that the system chooses, with data that is gone after
 * {@link #close}. Several live side by side. Safe from any thread.
 *
 * <p>Settings are Kafka's keys of {@code server.properties}, the same for each broker. Unlike in a broker's own file a group begins at once
 * ({@code group.initial.rebalance.delay.ms=0}), {@code __consumer_offsets} has one partition, there is one network thread, and no HTTP
 * port. The brokers' numbers, addresses and voters are chosen here. One broker may be given its own {@code listeners}.
 *
 * <p>Data lies in memory ({@code /dev/shm}) where that has room, else below {@code java.io.tmpdir}; see {@link WorkDir}. With {@code log.dirs}
 * it lies there (three brokers: in {@code broker-1} and so on below it), and stays.
 *
 * <p>An interrupt ends {@link #start}, {@link #restart} and {@link #reset}, which then fail and leave nothing half done; {@link #kill} and {@link #close} do
 * their work all the same. The thread stays interrupted.
 *
 * <p>It needs no JVM option, ends no JVM, and configures no logging: what there is to say goes to the host's slf4j, loggers {@code io.troupe},
 * {@code org.apache.pekko} and {@code org.apache.kafka}.
 */
public final class EmbeddedTroupe implements AutoCloseable {
    /** A machine may be slow and stand still for seconds. */
    static final Duration START_LIMIT = Duration.ofMinutes(2);

    private static final Logger log = LoggerFactory.getLogger(EmbeddedTroupe.class);

    private final SortedMap<Integer, EmbeddedBroker> brokers = new TreeMap<>();
    /** Held while brokers start or end, one operation at a time; not by what closes this. */
    private final ReentrantLock changing = new ReentrantLock();

    private final WorkDir workDir;
    private final Thread atExit = new Thread(this::end, "embedded-troupe-exit");
    private final AtomicBoolean closed = new AtomicBoolean();

    private EmbeddedTroupe(WorkDir workDir, List<EmbeddedBroker> brokers) {
        this.workDir = workDir;
        brokers.forEach(broker -> this.brokers.put(broker.id(), broker));
    }

    /** One broker with the settings told above. */
    public static EmbeddedTroupe start() {
        return start(1);
    }

    /** @param brokers 1 or 3 */
    public static EmbeddedTroupe start(int brokers) {
        return start(brokers, Map.of());
    }

    /**
     * Starts a cluster and returns when each of its brokers serves.
     *
     * @param brokers 1 or 3
     * @param settings Kafka's keys, which take the place of the settings told above
     * @throws IllegalArgumentException for another number of brokers, or a key that is not to be chosen here
     * @throws io.troupe.config.ConfigurationException for an unknown key or a bad value, naming it
     * @throws io.troupe.server.StartException when a port that {@code listeners} names is taken
     * @throws io.troupe.journal.LogDirException when {@code log.dirs} cannot be used
     */
    public static EmbeddedTroupe start(int brokers, Map<String, String> settings) {
        if (brokers != 1 && brokers != 3) {
            throw new IllegalArgumentException("brokers=" + brokers + " must be 1 or 3: two voters cannot do without"
                    + " either of them, so a cluster begins with three");
        }
        EmbeddedSettings.check(brokers, settings);
        WorkDir workDir = settings.containsKey("log.dirs") ? WorkDir.NONE : WorkDir.create();
        EmbeddedTroupe troupe;
        try {
            troupe = new EmbeddedTroupe(workDir, EmbeddedSettings.brokers(brokers, settings, workDir));
        } catch (Throwable e) {
            workDir.delete();
            throw e;
        }
        try {
            Runtime.getRuntime().addShutdownHook(troupe.atExit);
            troupe.startBrokers(List.copyOf(troupe.brokers.values()));
            return troupe;
        } catch (Throwable e) {
            troupe.close();
            throw e;
        }
    }

    /** Where clients connect, {@code host:port} of each broker, by comma; the same for as long as this lives, also while one is down. */
    public String bootstrapServers() {
        requireOpen();
        return brokers.values().stream().map(EmbeddedBroker::address).collect(Collectors.joining(","));
    }

    /** The brokers' ids, {@code node.id}: 1, or 1 to 3. */
    public List<Integer> brokers() {
        return List.copyOf(brokers.keySet());
    }

    /**
     * Ends a broker as {@code kill -9} does: it says nothing to anybody, and its data is as it left it. The others notice after some
     * seconds. Does nothing when it is down.
     */
    public void kill(int broker) {
        change(() -> together(List.of(broker(broker)), EmbeddedBroker::kill));
    }

    /** Starts a broker that is down, on its data and ports; one that runs is stopped in order first. Returns when it serves. */
    public void restart(int broker) {
        change(() -> {
            List<EmbeddedBroker> one = List.of(broker(broker));
            together(one, EmbeddedBroker::stop);
            startBrokers(one);
        });
    }

    /**
     * Makes it as good as new between two tests: starts what is down, deletes all topics and all groups. Clients are to be closed before:
     * members keep a group alive.
     *
     * @throws IllegalStateException naming what could not be deleted
     */
    public void reset() {
        change(() -> {
            startBrokers(
                    brokers.values().stream().filter(EmbeddedBroker::isDown).toList());
            Reset.run(bootstrapServers());
        });
    }

    /** Ends the brokers and deletes their data, unless {@code log.dirs} said where it lies: then they stop in order. Idempotent. */
    @Override
    public void close() {
        if (end()) {
            try {
                Runtime.getRuntime().removeShutdownHook(atExit);
            } catch (IllegalStateException e) {
                // The JVM is ending, and this was its hook's work.
                log.debug("close", e);
            }
        }
    }

    /** Whether this call did it. */
    private boolean end() {
        if (!closed.compareAndSet(false, true)) {
            return false;
        }
        if (workDir != WorkDir.NONE) {
            // Nobody will read what they leave. Also ends a start that is under way, which holds the lock.
            together(List.copyOf(brokers.values()), EmbeddedBroker::kill);
        }
        changing.lock();
        try {
            together(
                    List.copyOf(brokers.values()),
                    workDir == WorkDir.NONE ? EmbeddedBroker::stop : EmbeddedBroker::kill);
            brokers.values().forEach(EmbeddedBroker::close);
            workDir.delete();
        } finally {
            changing.unlock();
        }
        return true;
    }

    private EmbeddedBroker broker(int id) {
        EmbeddedBroker broker = brokers.get(id);
        if (broker == null) {
            throw new IllegalArgumentException("broker " + id + " is not one of " + brokers.keySet());
        }
        return broker;
    }

    private void change(Runnable change) {
        changing.lock();
        try {
            requireOpen();
            change.run();
        } finally {
            changing.unlock();
        }
    }

    private void requireOpen() {
        if (closed.get()) {
            throw new IllegalStateException("This EmbeddedTroupe is closed; EmbeddedTroupe.start() makes another one");
        }
    }

    /** Three need each other to start, so they do it together; when one cannot, none does. */
    private void startBrokers(List<EmbeddedBroker> starting) {
        if (starting.isEmpty()) {
            return;
        }
        boolean served = false;
        try {
            // Not to be left in the middle: what is open then must be known, to be killed.
            onThread("embedded-troupe-open", () -> starting.forEach(EmbeddedBroker::open))
                    .join();
            List<CompletableFuture<Void>> serving = new ArrayList<>();
            for (EmbeddedBroker broker : starting) {
                Broker opened = broker.running();
                opened.stopped().thenAccept(code -> onEnded(broker, opened, code));
                serving.add(onThread("embedded-troupe-start-" + broker.id(), opened::serve));
            }
            allOrFirstFailure(serving).get(START_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
            served = true;
        } catch (ExecutionException | CompletionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            throw new IllegalStateException("The brokers did not serve within " + START_LIMIT, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the brokers started", e);
        } finally {
            if (!served) {
                together(starting, EmbeddedBroker::kill);
            }
        }
    }

    /** What a process's supervisor does with one that must begin anew, on the code that says so. */
    private void onEnded(EmbeddedBroker broker, Broker ended, int code) {
        if (code == Broker.EXIT_REJOIN && !closed.get()) {
            onThread(
                            "embedded-troupe-rejoin-" + broker.id(),
                            () -> change(() -> {
                                if (broker.running() == ended) {
                                    broker.stop();
                                    startBrokers(List.of(broker));
                                }
                            }))
                    .exceptionally(failure -> {
                        if (!closed.get()) {
                            log.error("Broker {} could not be started again", broker.id(), failure);
                        }
                        return null;
                    });
        }
    }

    /**
     * Ends brokers, on threads of their own: the caller's may be interrupted, as after a test that took too long, and would not wait for what ends, and
     * close files that it touches.
     */
    private static void together(List<EmbeddedBroker> brokers, Consumer<EmbeddedBroker> what) {
        CompletableFuture.allOf(brokers.stream()
                        .map(b -> onThread("embedded-troupe-stop-" + b.id(), () -> what.accept(b)))
                        .toArray(CompletableFuture<?>[]::new))
                .exceptionally(failure -> {
                    log.warn("A broker did not end in order", failure);
                    return null;
                })
                .join();
    }

    private static CompletableFuture<Void> allOrFirstFailure(List<CompletableFuture<Void>> all) {
        CompletableFuture<Void> result = CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new));
        all.forEach(one -> one.whenComplete((done, failure) -> {
            if (failure != null) {
                result.completeExceptionally(failure instanceof CompletionException e ? e.getCause() : failure);
            }
        }));
        return result;
    }

    private static CompletableFuture<Void> onThread(String name, Runnable work) {
        return CompletableFuture.runAsync(work, task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            thread.start();
        });
    }
}
