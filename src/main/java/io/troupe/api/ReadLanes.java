package io.troupe.api;

import java.util.concurrent.Executor;

/**
 * The threads that read segments for clients. Reads that are expected to find the page cache have threads of their own, so
 * that those which must wait for the disk, however many, never hold up a client at the end of its log.
 *
 * @param recent for what was written a moment ago
 * @param old for everything else; may block on the disk for long
 */
public record ReadLanes(Executor recent, Executor old) {}
