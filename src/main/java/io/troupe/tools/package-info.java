/**
 * Command-line mains for what Kafka's own tools jar does not do. Entry: {@link io.troupe.tools.ConfigCommand}. They are
 * clients like any other: they speak to brokers through kafka-clients' {@code Admin} and know nothing of the broker's insides.
 */
package io.troupe.tools;
