/**
 * {@code server.properties} and topic configs, read into validated records. The only reader of configuration: no other
 * package looks up a key by name. The tables: ServerKeys (honoured), KafkaKeys (passed over or refused), TopicKeys.
 * Entry: {@link io.troupe.config.ServerProperties}.
 */
package io.troupe.config;
