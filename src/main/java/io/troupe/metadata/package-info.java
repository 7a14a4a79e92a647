/**
 * What the cluster knows of itself: {@link io.troupe.metadata.MetadataImage}, the events that change it, and their bytes.
 * Pure: no Pekko, no clock, no I/O.
 */
package io.troupe.metadata;
