package io.troupe.embedded;

import java.lang.reflect.Parameter;
import java.util.Map;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ExtensionContext.Store;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.platform.commons.support.AnnotationSupport;

/** What {@link TroupeTest} does. It holds nothing: the cluster stands in the class's store, or in the JVM's, clients in that of the test or class. */
final class TroupeExtension implements BeforeAllCallback, AfterEachCallback, AfterAllCallback, ParameterResolver {
    private static final Namespace NAMESPACE = Namespace.create(TroupeExtension.class);
    private static final String CLUSTER = "cluster";

    /** Whose cluster a class has, and whether it ends with it. */
    private record Cluster(EmbeddedTroupe troupe, boolean shared, boolean reset) {}

    @Override
    public void beforeAll(ExtensionContext context) {
        // A nested class without the annotation finds its outer class's cluster in the store.
        AnnotationSupport.findAnnotation(context.getRequiredTestClass(), TroupeTest.class)
                .ifPresent(wanted -> store(context).put(CLUSTER, cluster(context, wanted)));
    }

    private static Cluster cluster(ExtensionContext context, TroupeTest wanted) {
        Map<String, String> config = TestClients.entries("@TroupeTest(config = ...)", wanted.config());
        if (!wanted.shared()) {
            return new Cluster(EmbeddedTroupe.start(wanted.brokers(), config), false, wanted.reset());
        }
        EmbeddedTroupe shared = store(context.getRoot())
                .getOrComputeIfAbsent(
                        wanted.brokers() + " " + config,
                        key -> EmbeddedTroupe.start(wanted.brokers(), config),
                        EmbeddedTroupe.class);
        return new Cluster(shared, true, wanted.reset());
    }

    @Override
    public void afterEach(ExtensionContext context) {
        closeClients(context);
        Cluster cluster = store(context).get(CLUSTER, Cluster.class);
        if (cluster.reset()) {
            cluster.troupe().reset();
        }
    }

    @Override
    public void afterAll(ExtensionContext context) {
        try {
            closeClients(context);
        } finally {
            // Only what this very class has put there.
            Cluster own = store(context).remove(CLUSTER, Cluster.class);
            if (own != null && !own.shared()) {
                own.troupe().close();
            }
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        Class<?> type = parameter.getParameter().getType();
        return type == EmbeddedTroupe.class
                || TestClients.knows(type)
                || type == String.class && parameter.isAnnotated(BootstrapServers.class);
    }

    @Override
    public Object resolveParameter(ParameterContext context, ExtensionContext extension) {
        Cluster cluster = store(extension).get(CLUSTER, Cluster.class);
        if (cluster == null) {
            throw new ExtensionConfigurationException("There is no cluster: put @TroupeTest on the class");
        }
        Parameter parameter = context.getParameter();
        if (parameter.getType() == EmbeddedTroupe.class) {
            return cluster.troupe();
        }
        String servers = cluster.troupe().bootstrapServers();
        return parameter.getType() == String.class
                ? servers
                : store(extension)
                        .getOrComputeIfAbsent(clientsOf(extension), key -> new TestClients(), TestClients.class)
                        .create(parameter, servers);
    }

    private static void closeClients(ExtensionContext context) {
        TestClients clients = store(context).remove(clientsOf(context), TestClients.class);
        if (clients != null) {
            clients.close();
        }
    }

    /** A test must not find those of its class. */
    private static String clientsOf(ExtensionContext context) {
        return "clients of " + context.getUniqueId();
    }

    private static Store store(ExtensionContext context) {
        return context.getStore(NAMESPACE);
    }
}
