/** Ids and small values that every room uses. Knows no Pekko, no I/O and none of the other packages. */
package io.troupe.model;
