package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import javax.management.AttributeNotFoundException;
import javax.management.MBeanServer;
import javax.management.MBeanServerFactory;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;

class JmxMetricsTest {
    private static final String COUNT = "troupe.test:type=T,name=n,dir=\"/a,b\"";
    /** Its own: other tests of this JVM may have brokers. */
    private final MBeanServer server = MBeanServerFactory.newMBeanServer();

    private static List<Metric> metrics(AtomicLong value) {
        return List.of(
                new Metric("troupe.test", "T", "n", Map.of("dir", "/a,b"), true, "counts", value::get),
                new Metric("troupe.test", "T", "text", Map.of(), false, "says", () -> "v" + value));
    }

    private Object get(String name, String attribute) throws Exception {
        return server.getAttribute(new ObjectName(name), attribute);
    }

    private boolean there(String name) throws Exception {
        return server.isRegistered(new ObjectName(name));
    }

    @Test
    void gaugesHaveAValueAndCountersACountThatAreReadAnew() throws Exception {
        AtomicLong value = new AtomicLong(1);
        try (JmxMetrics shown = JmxMetrics.show(server, 7, metrics(value))) {
            assertEquals(1L, get(COUNT, "Count"));
            value.set(2);
            assertEquals(2L, get(COUNT, "Count"));
            assertEquals("v2", get("troupe.test:type=T,name=text", "Value"));
            assertEquals(7, get("troupe.server:type=Broker,name=NodeId", "Value"));
            assertThrows(AttributeNotFoundException.class, () -> get(COUNT, "Value"));
            assertTrue(shown.isComplete());
        }
        assertFalse(there(COUNT));
    }

    @Test
    void brokersOfOneJvmHaveNamesOfTheirOwnAndTakeOnlyThoseAway() throws Exception {
        JmxMetrics first = JmxMetrics.show(server, 7, metrics(new AtomicLong(1)));
        JmxMetrics second = JmxMetrics.show(server, 7, metrics(new AtomicLong(2)));
        JmxMetrics third = JmxMetrics.show(server, 7, metrics(new AtomicLong(3)));
        assertEquals(1L, get(COUNT, "Count"));
        assertEquals(2L, get(COUNT + ",broker=7", "Count"));
        assertEquals(3L, get(COUNT + ",broker=7-2", "Count"));
        first.close();
        first.close();
        assertFalse(there(COUNT));
        assertTrue(there(COUNT + ",broker=7"));
        JmxMetrics fourth = JmxMetrics.show(server, 8, metrics(new AtomicLong(4)));
        assertEquals(4L, get(COUNT, "Count"));
        assertEquals(2L, get(COUNT + ",broker=7", "Count"));
        for (JmxMetrics jmx : List.of(second, third, fourth)) {
            jmx.close();
        }
        assertEquals(0, server.queryNames(new ObjectName("troupe.test:*"), null).size());
        assertEquals(
                0, server.queryNames(new ObjectName("troupe.server:*"), null).size());
    }

    @Test
    void whatCannotBeShownBreaksNothing() throws Exception {
        Metric bad = new Metric("troupe.test", "a,b", "n", Map.of(), true, "", () -> 1);
        try (JmxMetrics jmx = JmxMetrics.show(server, 7, List.of(bad))) {
            assertTrue(there("troupe.server:type=Broker,name=NodeId"));
            assertFalse(jmx.isComplete());
        }
    }
}
