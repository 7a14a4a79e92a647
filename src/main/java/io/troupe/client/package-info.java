/** Typed client actors over the official Kafka client; imports no other package of Troupe. Nothing lives here yet. */
package io.troupe.client;
