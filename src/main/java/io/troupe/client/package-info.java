/**
 * Typed actors over Apache Kafka's own Java client, for any broker that speaks Kafka's protocol. Entries: {@link
 * io.troupe.client.ProducerActor}, {@link io.troupe.client.ConsumerActor}, {@link io.troupe.client.AdminActor}, and {@link
 * io.troupe.client.Streams} for Pekko Streams.
 *
 * <p>What blocks in Kafka's client has a thread of its own (one for each producer and each consumer); dispatcher threads never wait for it. Every
 * queue is bounded, and what is refused is answered. Needs nothing in {@code application.conf}, and knows no other package of Troupe.
 */
package io.troupe.client;
