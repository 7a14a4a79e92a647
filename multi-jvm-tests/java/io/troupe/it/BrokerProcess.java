package io.troupe.it;

import com.sun.tools.attach.VirtualMachine;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/**
 * One broker in a process of its own, with ports and directories nobody else uses: Troupe as built in {@code target}, or Apache Kafka when
 * {@code -Dtroupe.it.broker=kafka}. It may be killed and started again on the same ports and data. When a cluster went on without it while
 * it stood still, it ends and is started again at once, as a supervisor does it; after any other end it stays away.
 *
 * <p>Everything lives under {@code target/it/<name>-<n>}: {@code broker.log} (all it printed, kept), {@code server.properties},
 * {@code data} and {@code tmp} (both deleted by {@link #close} unless {@code -Dtroupe.it.keep=true}). No process outlives the test JVM.
 */
final class BrokerProcess implements AutoCloseable {

    /** What runs under test. */
    enum Kind {
        TROUPE,
        KAFKA
    }

    static final Kind KIND =
            Kind.valueOf(System.getProperty("troupe.it.broker", "troupe").toUpperCase(Locale.ROOT));
    static final List<String> ADD_OPENS =
            List.of("--add-opens=java.base/java.nio=ALL-UNNAMED", "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED");
    static final Path ROOT = Path.of("target", "it").toAbsolutePath();

    private static final Duration START_LIMIT = Duration.ofSeconds(240);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(120);
    /** What a broker says that must be started again because the others went on while it stood still. */
    private static final List<String> LEFT_BEHIND = List.of(
            "this node was removed from the cluster; it rejoins",
            "the cluster went on without this node",
            "it joins that of the others");

    private static final int REJOIN_CODE = 85;
    private static final String KAFKA_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk";
    private static final AtomicInteger NEXT = new AtomicInteger();

    private final Path dir;
    private final int port = Ports.free();
    private final Map<String, String> settings = new LinkedHashMap<>();
    // Most live for a few seconds, which the second compiler would use up.
    private List<String> jvmOptions = List.of("-Xmx256m", "-XX:TieredStopAtLevel=1");
    private final Map<String, String> environment = new HashMap<>();
    private boolean supervised;
    private volatile Process process;
    private Thread reader;
    /** Whether it is to end, or has ended: then nobody starts it again. */
    private boolean ending;

    private CountDownLatch ready = new CountDownLatch(1);

    private BrokerProcess(String name, Map<String, String> overrides) {
        this.dir = ROOT.resolve(name + "-" + NEXT.incrementAndGet());
        try {
            delete(dir);
            Files.createDirectories(dir);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        settings.put("log.dirs", dir.resolve("data").toString());
        settings.put("group.initial.rebalance.delay.ms", "0");
        settings.put("offsets.topic.num.partitions", "4");
        if (KIND == Kind.TROUPE) {
            settings.put("broker.id", "1");
            settings.put("listeners", "PLAINTEXT://127.0.0.1:" + port);
            // What it loads would cost each start a second of CPU time that few tests need.
            settings.put("troupe.http.listener", "none");
            settings.put("troupe.actor.listener", "127.0.0.1:" + Ports.free());
        } else {
            int controller = Ports.free();
            settings.put("node.id", "1");
            settings.put("process.roles", "broker,controller");
            settings.put("listeners", "PLAINTEXT://127.0.0.1:" + port + ",CONTROLLER://127.0.0.1:" + controller);
            settings.put("controller.listener.names", "CONTROLLER");
            settings.put("controller.quorum.voters", "1@127.0.0.1:" + controller);
            settings.put("offsets.topic.replication.factor", "1");
            settings.put("transaction.state.log.replication.factor", "1");
            settings.put("transaction.state.log.min.isr", "1");
        }
        settings.putAll(overrides);
    }

    /** A broker that serves. */
    static BrokerProcess start(String name, Map<String, String> overrides) {
        BrokerProcess broker = create(name, overrides);
        broker.start();
        return broker;
    }

    /** A broker that is not started yet. */
    static BrokerProcess create(String name, Map<String, String> overrides) {
        return new BrokerProcess(name, overrides);
    }

    /** The options of its JVM at the next start, heap included; -Xmx256m and the quick compiler alone unless set. */
    BrokerProcess jvm(String... options) {
        jvmOptions = List.of(options);
        return this;
    }

    /** To be started by {@code bin/troupe-server-start.sh}, which starts it again when it asks for that. Troupe only. */
    BrokerProcess supervised() {
        supervised = true;
        return this;
    }

    /** At the next start its clock is off by so much, as libfaketime has it: -6h. Time passes as it does elsewhere. */
    BrokerProcess clock(String offset) {
        environment.put("LD_PRELOAD", Need.faketime().toString());
        environment.put("FAKETIME", offset);
        environment.put("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        // Its mending of timed waits makes those of the JVM spin.
        environment.put("FAKETIME_FORCE_MONOTONIC_FIX", "0");
        return this;
    }

    /** Starts it, on the data it has, and waits until it serves. */
    BrokerProcess start() {
        launch();
        awaitReady();
        return this;
    }

    /** Starts the process and does not wait. */
    BrokerProcess launch() {
        if (process != null && process.isAlive()) {
            throw new IllegalStateException("already running: " + process.pid());
        }
        try {
            Path file = dir.resolve("server.properties");
            Files.writeString(file, "# each setting stands on the command line\n");
            List<String> command = KIND == Kind.TROUPE ? troupe(file) : kafka(file);
            settings.forEach((key, value) -> command.addAll(List.of("--override", key + "=" + value)));
            ready = new CountDownLatch(1);
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
            builder.environment().put("TROUPE_HEAP_OPTS", String.join(" ", jvmOptions));
            builder.environment().put("TROUPE_OPTS", "-Djava.io.tmpdir=" + Files.createDirectories(dir.resolve("tmp")));
            builder.environment().putAll(environment);
            Process started = Children.start(builder);
            process = started;
            ending = false;
            CountDownLatch signal = ready;
            reader = new Thread(() -> supervise(builder, started, signal), "broker-output-" + started.pid());
            reader.setDaemon(true);
            reader.start();
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void awaitReady() {
        long end = System.nanoTime() + START_LIMIT.toNanos();
        try {
            while (!ready.await(50, TimeUnit.MILLISECONDS)) {
                if (!isAlive()) {
                    throw new AssertionError("the broker ended with " + process.exitValue() + ":\n" + tail());
                }
                if (System.nanoTime() > end) {
                    kill();
                    throw new AssertionError("the broker did not serve within " + START_LIMIT + ":\n" + tail());
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** Waits until a line that contains this was printed, by this process or an earlier one, after so many characters of output. */
    void awaitOutput(String text, int from) {
        try {
            Clients.await(dir.getFileName() + " prints '" + text + "'", () -> output().indexOf(text, from) >= 0);
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "\n" + tail(), e);
        }
    }

    /** SIGKILL, and waits until it is gone; the script of a supervised one goes with it. */
    void kill() {
        killSoon();
        awaitExit(STOP_LIMIT);
    }

    private synchronized void killSoon() {
        ending = true;
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    /** SIGTERM, and waits for an orderly end; returns the exit code. */
    int terminate() {
        terminateSoon();
        return awaitExit(STOP_LIMIT);
    }

    /** SIGTERM; {@link #awaitExit} waits for the end. */
    synchronized void terminateSoon() {
        ending = true;
        process.destroy();
    }

    /** The exit code of a process that ends by itself. */
    int awaitExit(Duration limit) {
        try {
            // Which may be that of a process started meanwhile.
            reader.join(limit.toMillis());
            if (reader.isAlive() || !process.waitFor(30, TimeUnit.SECONDS)) {
                killSoon();
                throw new AssertionError("the broker did not end within " + limit + ":\n" + tail());
            }
            Children.ended(process);
            return process.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** Whether it runs, or is just being started again. */
    boolean isAlive() {
        return process != null && (process.isAlive() || reader.isAlive());
    }

    /** SIGSTOP: the broker stands still and says nothing, as on a machine that hangs. */
    void pause() {
        signal("STOP");
    }

    /** SIGCONT after {@link #pause}. */
    void resume() {
        signal("CONT");
    }

    private void signal(String name) {
        Run.command(List.of("kill", "-" + name, "" + pid()), null, STOP_LIMIT).orFail();
    }

    /** The broker's own process, below the script of a supervised one. */
    long pid() {
        return !supervised
                ? process.pid()
                : process.children()
                        .filter(child -> child.info().command().orElse("").endsWith("/java"))
                        .findFirst()
                        .orElseThrow(() -> new AssertionError("no broker runs below the start script:\n" + tail()))
                        .pid();
    }

    /** How often it has a file open. */
    long descriptors(Path file) {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/" + pid() + "/fd"))) {
            return descriptors.filter(descriptor -> isLink(descriptor, file)).count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isLink(Path descriptor, Path file) {
        try {
            return Files.readSymbolicLink(descriptor).equals(file);
        } catch (IOException e) {
            // Closed meanwhile.
            return false;
        }
    }

    /** A metric as JMX shows it to whoever may attach to the process. */
    Object metric(String name, String attribute) throws Exception {
        VirtualMachine machine = VirtualMachine.attach("" + pid());
        String url;
        try {
            url = machine.startLocalManagementAgent();
        } finally {
            machine.detach();
        }
        try (JMXConnector connector = JMXConnectorFactory.connect(new JMXServiceURL(url))) {
            return connector.getMBeanServerConnection().getAttribute(new ObjectName(name), attribute);
        }
    }

    /** Where the actors of other nodes reach it, host:port. Troupe only. */
    String actors() {
        return settings.get("troupe.actor.listener");
    }

    int port() {
        return port;
    }

    String bootstrap() {
        return "127.0.0.1:" + port;
    }

    Path dir() {
        return dir;
    }

    Path data() {
        return Path.of(settings.get("log.dirs"));
    }

    /** Changes a setting for the next start. */
    BrokerProcess set(String key, String value) {
        settings.put(key, value);
        return this;
    }

    /** All the current or last process printed so far (of earlier ones too). */
    String output() {
        try {
            Path log = dir.resolve("broker.log");
            return Files.exists(log) ? Files.readString(log, StandardCharsets.UTF_8) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        if (isAlive()) {
            kill();
        }
        if (!Boolean.getBoolean("troupe.it.keep")) {
            try {
                delete(dir.resolve("data"));
                delete(dir.resolve("tmp"));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private List<String> troupe(Path file) throws IOException {
        if (supervised) {
            return new ArrayList<>(List.of("bin/troupe-server-start.sh", file.toString()));
        }
        List<String> command = new ArrayList<>(List.of(KafkaInstall.javaProgram()));
        command.addAll(jvmOptions);
        command.addAll(ClassArchive.BROKER.options());
        command.addAll(ADD_OPENS);
        // LevelDB's native library is unpacked there and stays when the process is killed.
        command.add("-Djava.io.tmpdir=" + Files.createDirectories(dir.resolve("tmp")));
        command.addAll(List.of("-cp", ClassArchive.CLASS_PATH, "io.troupe.server.Main", file.toString()));
        return command;
    }

    private List<String> kafka(Path file) throws IOException {
        if (!Files.exists(data().resolve("meta.properties"))) {
            StringBuilder text = new StringBuilder();
            settings.forEach(
                    (key, value) -> text.append(key).append('=').append(value).append('\n'));
            Path format = Files.writeString(dir.resolve("format.properties"), text);
            List<String> command = KafkaInstall.java("-Xmx128m", "kafka.tools.StorageTool");
            command.addAll(List.of("format", "-t", KAFKA_CLUSTER_ID, "-c", format.toString()));
            Run.command(command, null, START_LIMIT).orFail();
        }
        List<String> command = new ArrayList<>(List.of(KafkaInstall.javaProgram()));
        command.addAll(jvmOptions);
        command.addAll(List.of("-Dlog4j2.configurationFile=" + KafkaInstall.log4j()));
        command.addAll(List.of("-cp", KafkaInstall.lib() + "/*", "kafka.Kafka", file.toString()));
        return command;
    }

    /** Reads what it prints until it has ended for good. */
    private void supervise(ProcessBuilder builder, Process first, CountDownLatch signal) {
        try {
            Process current = first;
            while (read(current, signal) && current.waitFor() == REJOIN_CODE) {
                synchronized (this) {
                    if (ending) {
                        return;
                    }
                    Children.ended(current);
                    current = Children.start(builder);
                    process = current;
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** @return whether it said that it was left behind */
    private boolean read(Process from, CountDownLatch signal) {
        Path log = dir.resolve("broker.log");
        boolean leftBehind = false;
        try (BufferedReader in = from.inputReader(StandardCharsets.UTF_8);
                BufferedWriter out =
                        Files.newBufferedWriter(log, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                out.write(line);
                out.newLine();
                out.flush();
                leftBehind |= LEFT_BEHIND.stream().anyMatch(line::contains);
                if (saysReady(line)) {
                    signal.countDown();
                }
            }
        } catch (IOException e) {
            // The pipe of a killed process may break in the middle of a line; what came before is in the log.
        }
        return leftBehind;
    }

    private boolean saysReady(String line) {
        return KIND == Kind.TROUPE
                ? line.startsWith("Troupe ") && line.contains(" is ready")
                : line.contains("Kafka Server started");
    }

    private String tail() {
        String all = output();
        return dir.resolve("broker.log") + "\n" + all.substring(Math.max(0, all.length() - 4000));
    }

    static void delete(Path tree) throws IOException {
        if (!Files.exists(tree)) {
            return;
        }
        try (Stream<Path> paths = Files.walk(tree)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }
}
