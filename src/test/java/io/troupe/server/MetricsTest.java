package io.troupe.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.embedded.EmbeddedTroupe;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What whole brokers show by JMX. */
@Timeout(600)
class MetricsTest {
    @TempDir
    private Path dir;

    private final MBeanServer server = ManagementFactory.getPlatformMBeanServer();

    private EmbeddedTroupe start(String name) {
        return EmbeddedTroupe.start(1, Map.of("log.dirs", dir.resolve(name) + "-a," + dir.resolve(name) + "-b"));
    }

    private Object value(String name, Object... arguments) throws Exception {
        return server.getAttribute(new ObjectName(name.formatted(arguments)), "Value");
    }

    private Set<String> names() throws Exception {
        Set<String> names = new TreeSet<>();
        for (String domain : new String[] {
            "kafka.log",
            "troupe.log",
            "troupe.network",
            "troupe.server",
            "kafka.controller",
            "kafka.server",
            "troupe.controller"
        }) {
            server.queryNames(new ObjectName(domain + ":*"), null).forEach(name -> names.add(name.toString()));
        }
        return names;
    }

    @Test
    void aBrokerShowsItsStorageUnderKafkasNamesAndTakesThemAway() throws Exception {
        try (EmbeddedTroupe broker = start("one")) {
            assertEquals(0L, value("kafka.log:type=LogManager,name=OfflineLogDirectoryCount"));
            for (String log : new String[] {
                dir.resolve("one-a").toString(), dir.resolve("one-b").toString()
            }) {
                assertEquals(0, value("kafka.log:type=LogManager,name=LogDirectoryOffline,logDirectory=\"%s\"", log));
                assertEquals(
                        0,
                        value(
                                "kafka.log:type=LogCleanerManager,name=uncleanable-partitions-count,logDirectory=\"%s\"",
                                log));
                assertEquals(
                        0L, value("kafka.log:type=LogCleanerManager,name=uncleanable-bytes,logDirectory=\"%s\"", log));
                assertEquals(
                        "", value("troupe.log:type=LogDirectory,name=DamagedSegmentNames,logDirectory=\"%s\"", log));
            }
            assertEquals(0, value("kafka.log:type=LogCleanerManager,name=max-dirty-percent"));
            assertEquals(0, value("kafka.log:type=LogCleaner,name=max-buffer-utilization-percent"));
            assertEquals(0L, value("kafka.log:type=LogCleaner,name=max-compaction-delay-secs"));
            assertEquals(0L, value("kafka.log:type=LogCleaner,name=DeadThreadCount"));
            assertEquals(1, value("kafka.controller:type=KafkaController,name=ActiveControllerCount"));
            assertEquals(1, value("kafka.controller:type=KafkaController,name=ActiveBrokerCount"));
            assertEquals(0, value("kafka.controller:type=KafkaController,name=OfflinePartitionsCount"));
            assertEquals(0, value("kafka.server:type=ReplicaManager,name=UnderMinIsrPartitionCount"));
            assertEquals(
                    0L,
                    server.getAttribute(
                            new ObjectName("kafka.controller:type=ControllerStats,name=UncleanLeaderElectionsPerSec"),
                            "Count"));
            for (String name : names()) {
                ObjectName bean = new ObjectName(name);
                String attribute = server.getMBeanInfo(bean).getAttributes()[0].getName();
                assertTrue(server.getAttribute(bean, attribute) != null, name);
            }
            Set<String> first = names();
            try (EmbeddedTroupe second = start("two")) {
                assertTrue(names().containsAll(first));
                assertEquals(2 * first.size(), names().size());
                assertNotEquals(broker.bootstrapServers(), second.bootstrapServers());
            }
            assertEquals(first, names());
        }
        assertEquals(Set.of(), names());
    }
}
