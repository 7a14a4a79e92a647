/**
 * The HTTP API: REST, events, metrics, probes; and the metrics, by JMX too.
 *
 * <p>{@link io.troupe.http.HttpService} is what a broker starts and stops, and where the routes are put together. A
 * {@link io.troupe.http.Route} handles an {@code Exchange}; what it needs of Kafka it asks of {@code Topics}, {@code RecordWriting},
 * {@code RecordReading} and {@code Groups}, which speak to {@link io.troupe.protocol.BrokerCalls}. Nothing here blocks, holds more of a body
 * than its bounds allow, or knows a replica. Consumer instances are the only actors: {@code ConsumerInstance} is their pure core. {@link io.troupe.http.BrokerMetrics} is the one list of metrics.
 */
package io.troupe.http;
