/**
 * Tests of real brokers in processes of their own, spoken to by real clients.
 *
 * <p>{@link io.troupe.it.BrokerProcess} starts, kills and restarts one. Each test also runs against Apache Kafka with
 * {@code -Dtroupe.it.broker=kafka}, which shows that the test itself is right; what only Troupe promises says so by
 * {@link io.troupe.it.Need#troupe}.
 */
package io.troupe.it;
