/**
 * The HTTP API: REST, events, metrics, health, console. So far the metrics alone: {@link io.troupe.http.BrokerMetrics} is
 * the one list of them, {@link io.troupe.http.JmxMetrics} shows it by JMX.
 */
package io.troupe.http;
