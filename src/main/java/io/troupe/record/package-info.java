/**
 * Record batches as they travel and lie on disk: views, validation, offset stamping, control batches, producer state.
 * Wraps kafka-clients' internal record classes, so that no package outside this one and {@code protocol} names them.
 */
package io.troupe.record;
