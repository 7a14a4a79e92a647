/** Tests of the scripts in {@code bin/}, run as processes. */
package io.troupe.bin;
