/**
 * A cluster inside a JVM, for tests. Entries: {@link io.troupe.embedded.EmbeddedTroupe}, and for JUnit 5 {@link io.troupe.embedded.TroupeTest}.
 *
 * <p>Nothing is left in the JVM when a cluster is closed: no thread, open file, MBean, shutdown hook or system property. Only what begins with
 * {@code Troupe} and {@code Test} knows JUnit, which the host brings.
 */
package io.troupe.embedded;
