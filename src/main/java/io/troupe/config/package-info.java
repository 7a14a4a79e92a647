/**
 * {@code server.properties} and topic configs, read into validated records. The only reader of configuration: no other
 * package looks up a key by name. Entry: {@link io.troupe.config.ServerProperties}.
 */
package io.troupe.config;
