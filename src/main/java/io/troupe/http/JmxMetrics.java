package io.troupe.http;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.management.Attribute;
import javax.management.AttributeList;
import javax.management.AttributeNotFoundException;
import javax.management.DynamicMBean;
import javax.management.InstanceAlreadyExistsException;
import javax.management.JMException;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanInfo;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shows metrics in this JVM's MBean server, each as {@code <domain>:type=<type>,name=<name>[,<tag>=<value>]} with one
 * attribute, {@code Value} of a gauge or {@code Count} of a counter, as Kafka does.
 *
 * <p>The first broker of a JVM has the plain names. One that finds them taken adds {@code ,broker=<id>} to all of its own,
 * and {@code ,broker=<id>-2} and so on when that is taken as well. What cannot be shown is logged; no broker fails for it.
 */
public final class JmxMetrics implements AutoCloseable {
    private static final int MOST_BROKERS = 100;
    private static final Logger log = LoggerFactory.getLogger(JmxMetrics.class);

    private final MBeanServer server;
    private final List<ObjectName> registered = new ArrayList<>();
    private boolean complete;

    private JmxMetrics(MBeanServer server) {
        this.server = server;
    }

    /** Shows them until {@link #close}. */
    public static JmxMetrics show(int brokerId, List<Metric> metrics) {
        return show(ManagementFactory.getPlatformMBeanServer(), brokerId, metrics);
    }

    static JmxMetrics show(MBeanServer server, int brokerId, List<Metric> metrics) {
        JmxMetrics jmx = new JmxMetrics(server);
        try {
            String own = jmx.claim(brokerId);
            for (Metric metric : metrics) {
                jmx.register(metric, own);
            }
            jmx.complete = true;
        } catch (JMException | RuntimeException e) {
            log.warn("Metrics cannot be shown by JMX: {}", e.toString());
        }
        return jmx;
    }

    /** Whether all of them could be shown. */
    boolean isComplete() {
        return complete;
    }

    /** Whose bean this name has, has all the others that go with it: so the names of two brokers never mix. */
    private String claim(int brokerId) throws JMException {
        String own = "";
        for (int n = 1; n <= MOST_BROKERS; n++) {
            try {
                register(
                        new Metric("troupe.server", "Broker", "NodeId", Map.of(), false, "node.id", () -> brokerId),
                        own);
                return own;
            } catch (InstanceAlreadyExistsException e) {
                own = ",broker=" + brokerId + (n == 1 ? "" : "-" + n);
            }
        }
        throw new InstanceAlreadyExistsException(MOST_BROKERS + " brokers in one JVM");
    }

    private void register(Metric metric, String own) throws JMException {
        ObjectName name = name(metric, own);
        server.registerMBean(new Bean(metric), name);
        registered.add(name);
    }

    private static ObjectName name(Metric metric, String own) throws JMException {
        StringBuilder text = new StringBuilder(metric.domain() + ":type=" + metric.type() + ",name=" + metric.name());
        new TreeMap<>(metric.tags())
                .forEach(
                        (key, value) -> text.append(',').append(key).append('=').append(ObjectName.quote(value)));
        return new ObjectName(text + own);
    }

    @Override
    public void close() {
        for (ObjectName name : registered) {
            try {
                server.unregisterMBean(name);
            } catch (JMException e) {
                log.debug("{} was gone", name, e);
            }
        }
        registered.clear();
    }

    /** One metric. */
    private static final class Bean implements DynamicMBean {
        private final Metric metric;
        private final String attribute;

        Bean(Metric metric) {
            this.metric = metric;
            this.attribute = metric.counter() ? "Count" : "Value";
        }

        @Override
        public Object getAttribute(String name) throws AttributeNotFoundException {
            if (!name.equals(attribute)) {
                throw new AttributeNotFoundException(name + "; there is only " + attribute);
            }
            return metric.value().get();
        }

        @Override
        public AttributeList getAttributes(String[] names) {
            AttributeList values = new AttributeList();
            for (String name : names) {
                if (name.equals(attribute)) {
                    values.add(new Attribute(name, metric.value().get()));
                }
            }
            return values;
        }

        @Override
        public MBeanInfo getMBeanInfo() {
            return new MBeanInfo(
                    JmxMetrics.class.getName(),
                    metric.help(),
                    new MBeanAttributeInfo[] {
                        new MBeanAttributeInfo(attribute, Object.class.getName(), metric.help(), true, false, false)
                    },
                    null,
                    null,
                    null);
        }

        @Override
        public void setAttribute(Attribute value) throws AttributeNotFoundException {
            throw new AttributeNotFoundException(value.getName() + " can only be read");
        }

        @Override
        public AttributeList setAttributes(AttributeList values) {
            return new AttributeList();
        }

        @Override
        public Object invoke(String operation, Object[] arguments, String[] signature) {
            throw new UnsupportedOperationException(operation);
        }
    }
}
