package io.troupe.embedded;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A JVM in which twenty clusters were, or one that could not start, is as it was before. */
@Timeout(600)
class LeftoversTest {
    private static final int ROUNDS = 20;
    private static final long PATIENCE_S = 60;

    /** What a JVM has, each with how often; the JDK's own threads, which come and go, aside. */
    private record Jvm(
            Map<String, Long> threads, Map<String, Long> files, Set<String> beans, Map<Object, Object> properties) {

        static Jvm now() throws Exception {
            return new Jvm(
                    counted(Thread.getAllStackTraces().keySet().stream()
                            .filter(Thread::isAlive)
                            .map(Thread::getName)
                            .filter(name -> !name.startsWith("ForkJoinPool.commonPool") && !name.contains("Compiler"))),
                    counted(openFiles().stream()),
                    ManagementFactory.getPlatformMBeanServer().queryNames(null, null).stream()
                            .map(Object::toString)
                            .collect(Collectors.toCollection(TreeSet::new)),
                    new HashMap<>(System.getProperties()));
        }

        private static Map<String, Long> counted(Stream<String> names) {
            return names.collect(Collectors.groupingBy(name -> name, Collectors.counting()));
        }

        /** Sockets and pipes by their kind: their numbers differ. */
        private static List<String> openFiles() throws Exception {
            Path descriptors = Path.of("/proc/self/fd");
            if (!Files.isDirectory(descriptors)) {
                return List.of();
            }
            try (Stream<Path> all = Files.list(descriptors)) {
                return all.map(LeftoversTest::target)
                        .filter(file -> !file.isEmpty())
                        .toList();
            }
        }

        /** What is here and was not there, or not so often. */
        List<String> beyond(Jvm before) {
            TreeSet<String> more = new TreeSet<>();
            threads.forEach((name, count) -> {
                if (count > before.threads.getOrDefault(name, 0L)) {
                    more.add("thread " + name + ": " + count);
                }
            });
            files.forEach((name, count) -> {
                if (count > before.files.getOrDefault(name, 0L)) {
                    more.add("file " + name + ": " + count);
                }
            });
            beans.stream().filter(bean -> !before.beans.contains(bean)).forEach(bean -> more.add("bean " + bean));
            properties.forEach((key, value) -> {
                if (!value.equals(before.properties.get(key))) {
                    more.add("property " + key + "=" + value);
                }
            });
            return List.copyOf(more);
        }
    }

    private static String target(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString().replaceAll("^(socket|pipe|anon_inode):.*", "$1");
        } catch (IOException e) {
            // That of the listing itself.
            return "";
        }
    }

    private static void live(boolean killed) throws Exception {
        try (EmbeddedTroupe troupe = EmbeddedTroupe.start()) {
            Map<String, Object> client = Map.of("bootstrap.servers", troupe.bootstrapServers());
            try (var producer = new KafkaProducer<>(client, new StringSerializer(), new StringSerializer());
                    Admin admin = Admin.create(client)) {
                producer.send(new ProducerRecord<>("t", "v")).get(PATIENCE_S, TimeUnit.SECONDS);
                assertEquals(Set.of("t"), admin.listTopics().names().get(PATIENCE_S, TimeUnit.SECONDS));
            }
            if (killed) {
                troupe.kill(1);
            } else {
                troupe.restart(1);
            }
        }
    }

    /** The first lives load what a JVM loads once. */
    @Test
    void nothingIsLeftOfTwentyClusters() throws Exception {
        live(true);
        live(false);
        Jvm before = Jvm.now();
        Set<String> directories = directories();
        for (int round = 0; round < ROUNDS; round++) {
            live(round % 2 == 0);
        }
        assertNothingLeft(before, directories);
    }

    /** Ports are held, log dirs locked, actors at work: it depends on the class that cannot be loaded how far it comes. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "io.troupe.embedded.EmbeddedBroker",
                "io.troupe.server.Guardian",
                "io.troupe.http.JmxMetrics",
                "io.troupe.server.Handlers"
            })
    void nothingIsLeftOfAStartThatAnErrorEnds(String missing) throws Exception {
        live(false);
        Jvm before = Jvm.now();
        Set<String> directories = directories();
        Method start =
                new Without(missing).loadClass(EmbeddedTroupe.class.getName()).getMethod("start");
        Throwable failure = assertThrows(InvocationTargetException.class, () -> start.invoke(null))
                .getCause();
        assertInstanceOf(NoClassDefFoundError.class, failure);
        assertTrue(failure.getMessage().endsWith(missing.substring(missing.lastIndexOf('.') + 1)), failure::toString);
        assertNothingLeft(before, directories);
    }

    /** Troupe's classes once more, all but one: its class path is broken, as it were. */
    private static final class Without extends ClassLoader {
        private final String missing;

        Without(String missing) {
            super(LeftoversTest.class.getClassLoader());
            this.missing = missing;
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith("io.troupe.")) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                return loaded != null ? loaded : findClass(name);
            }
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            try (InputStream in = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
                if (in == null || name.equals(missing)) {
                    throw new ClassNotFoundException(name);
                }
                byte[] bytes = in.readAllBytes();
                return defineClass(name, bytes, 0, bytes.length);
            } catch (IOException e) {
                throw new ClassNotFoundException(name, e);
            }
        }
    }

    private static void assertNothingLeft(Jvm before, Set<String> directories) throws Exception {
        // Threads that are told to end do so a moment later.
        List<String> more = Jvm.now().beyond(before);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (!more.isEmpty() && System.nanoTime() < end) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
            more = Jvm.now().beyond(before);
        }
        assertEquals(List.of(), more);
        Set<String> made = directories();
        made.removeAll(directories);
        assertTrue(made.isEmpty(), made.toString());
    }

    /** Those of this process: others may be making some of their own. */
    private static Set<String> directories() throws Exception {
        String own = "-" + ProcessHandle.current().pid() + "-";
        Set<String> names = new TreeSet<>();
        for (Path parent : List.of(Path.of("/dev/shm"), Path.of(System.getProperty("java.io.tmpdir")))) {
            if (Files.isDirectory(parent)) {
                try (Stream<Path> all = Files.list(parent)) {
                    all.map(Path::toString)
                            .filter(name -> name.contains("troupe-") && name.contains(own))
                            .forEach(names::add);
                }
            }
        }
        return names;
    }
}
