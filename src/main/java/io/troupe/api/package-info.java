/** One handler per Kafka API key; each says in its Javadoc which versions it serves and what it leaves out. */
package io.troupe.api;
