package io.troupe.record;

/**
 * What is wrong with one record of a refused batch.
 *
 * @param batchIndex its place in the batch, from 0
 */
public record RecordError(int batchIndex, String message) {}
