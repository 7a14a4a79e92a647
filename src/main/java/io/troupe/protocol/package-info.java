/**
 * Kafka's wire protocol: network threads on kafka-clients' Selector, frames, and the codec over its generated messages.
 * Handlers (package {@code api}) see only those and {@link io.troupe.protocol.RequestContext}.
 */
package io.troupe.protocol;
