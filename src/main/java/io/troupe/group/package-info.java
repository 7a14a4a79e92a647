/**
 * Consumer groups: pure state machines, and the supervised actors that persist them in {@code __consumer_offsets}. Entry:
 * {@link io.troupe.group.GroupService}. Knows Kafka's generated messages but no connection.
 */
package io.troupe.group;
