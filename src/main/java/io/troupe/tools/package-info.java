/** Command-line mains for what Kafka's own tools do not do. */
package io.troupe.tools;
