package io.troupe.http;

import java.util.Map;
import java.util.function.Supplier;

/**
 * One thing about a broker that can be read at any time: the single source for whatever shows it (JMX; later a page for
 * Prometheus). Named as Kafka names it where Kafka has it.
 *
 * @param domain {@code kafka.log}, {@code troupe.network} and so on
 * @param type the group it belongs to
 * @param tags in order, what tells it from others of its name
 * @param counter whether it only grows; otherwise it is a gauge
 * @param help what it says and in which unit
 * @param value a number, or text for what only people read; from any thread, without waiting for anything
 */
public record Metric(
        String domain,
        String type,
        String name,
        Map<String, String> tags,
        boolean counter,
        String help,
        Supplier<?> value) {}
