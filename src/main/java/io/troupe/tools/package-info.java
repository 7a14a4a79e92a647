/**
 * Command-line mains for what Kafka's own tools jar does not do. Entries: {@link io.troupe.tools.ConfigCommand}, {@link
 * io.troupe.tools.ClusterCommand}, {@link io.troupe.tools.GroupCommand}. They are
 * clients like any other: they speak to brokers through kafka-clients' {@code Admin} and know nothing of the broker's insides.
 */
package io.troupe.tools;
