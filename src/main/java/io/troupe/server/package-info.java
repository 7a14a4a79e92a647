/** One broker process: main, guardian, wiring, life cycle. Entry: {@code Main}. */
package io.troupe.server;
