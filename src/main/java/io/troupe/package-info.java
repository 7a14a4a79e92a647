/** Troupe, a distributed commit log that speaks Kafka's protocol. The rooms below and their order are in ARCHITECTURE.md. */
package io.troupe;
