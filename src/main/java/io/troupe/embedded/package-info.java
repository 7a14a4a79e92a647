/** A broker inside a JVM or a JUnit test. Nothing lives here yet. */
package io.troupe.embedded;
