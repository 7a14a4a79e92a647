package io.troupe.journal;

/**
 * The event of a persistent actor that is not a partition (a metadata voter): one record's value, stored as a batch of
 * one record and handed back on replay. Its offset is its sequence number - 1.
 */
public record JournaledRecord(byte[] value) {}
