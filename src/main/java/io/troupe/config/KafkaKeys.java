package io.troupe.config;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Broker keys of Kafka 3 and 4 that mean nothing to Troupe: those that are harmless to pass over, each with a sentence
 * saying what takes its place, and those that would leave a broker less protected than its operator believes.
 */
final class KafkaKeys {
    /** Key to the sentence for its warning. */
    static final Map<String, String> PASSED_OVER = new LinkedHashMap<>();

    static {
        pass("the controller quorum (controller.quorum.voters) takes ZooKeeper's place", """
                zookeeper.connect zookeeper.connection.timeout.ms zookeeper.session.timeout.ms zookeeper.sync.time.ms
                zookeeper.max.in.flight.requests zookeeper.set.acl zookeeper.clientCnxnSocket
                zookeeper.metadata.migration.enable zookeeper.metadata.migration.min.batch.size
                zookeeper.ssl.cipher.suites zookeeper.ssl.client.enable zookeeper.ssl.crl.enable
                zookeeper.ssl.enabled.protocols zookeeper.ssl.endpoint.identification.algorithm
                zookeeper.ssl.keystore.location zookeeper.ssl.keystore.password zookeeper.ssl.keystore.type
                zookeeper.ssl.ocsp.enable zookeeper.ssl.protocol zookeeper.ssl.truststore.location
                zookeeper.ssl.truststore.password zookeeper.ssl.truststore.type""");
        pass(
                "all brokers of a Troupe cluster speak one version of its own protocol",
                "inter.broker.protocol.version log.message.format.version log.message.downconversion.enable"
                        + " message.format.version unstable.api.versions.enable unstable.feature.versions.enable"
                        + " log.message.timestamp.difference.max.ms");
        pass(
                "brokers and controllers speak to each other through troupe.actor.listener",
                "inter.broker.listener.name controller.listener.names control.plane.listener.name early.start.listeners"
                        + " controller.socket.timeout.ms controller.quorum.bootstrap.servers request.timeout.ms"
                        + " socket.connection.setup.timeout.ms socket.connection.setup.timeout.max.ms");
        pass("Troupe's metadata quorum needs no such tuning", """
                controller.quorum.append.linger.ms controller.quorum.auto.join.enable
                controller.quorum.election.backoff.max.ms controller.quorum.election.timeout.ms
                controller.quorum.fetch.max.bytes controller.quorum.fetch.snapshot.max.bytes
                controller.quorum.fetch.timeout.ms controller.quorum.request.timeout.ms
                controller.quorum.retry.backoff.ms controller.performance.always.log.threshold.ms
                controller.performance.sample.period.ms metadata.log.max.record.bytes.between.snapshots
                metadata.log.max.snapshot.interval.ms metadata.log.segment.bytes metadata.log.segment.min.bytes
                metadata.log.segment.ms metadata.max.idle.interval.ms metadata.max.retention.bytes
                metadata.max.retention.ms internal.metadata.delete.delay.millis internal.metadata.log.segment.bytes
                internal.metadata.max.batch.size.in.bytes initial.broker.registration.timeout.ms
                broker.heartbeat.interval.ms server.max.startup.time.ms eligible.leader.replicas.enable""");
        pass("metadata is kept in the first directory of log.dirs", "metadata.log.dir");
        pass(
                "Troupe sizes its own threads for this work",
                "background.threads num.replica.alter.log.dirs.threads"
                        + " num.replica.fetchers group.coordinator.threads group.coordinator.background.threads"
                        + " share.coordinator.threads");
        pass("requests in flight are bounded in bytes, by queued.max.request.bytes", "queued.max.requests");
        pass("replication between brokers works by messages that Troupe sizes itself", """
                replica.fetch.backoff.ms replica.fetch.max.bytes replica.fetch.min.bytes
                replica.fetch.response.max.bytes replica.fetch.wait.max.ms
                replica.high.watermark.checkpoint.interval.ms replica.socket.receive.buffer.bytes
                replica.socket.timeout.ms replication.quota.window.num replication.quota.window.size.seconds
                alter.log.dirs.replication.quota.window.num alter.log.dirs.replication.quota.window.size.seconds
                replica.alter.log.dirs.io.max.bytes.per.second""");
        pass(
                "it is set while the broker runs, with troupe-configs.sh",
                "leader.replication.throttled.rate follower.replication.throttled.rate");
        pass(
                "what waits is woken by events here, not kept in purgatories",
                "fetch.purgatory.purge.interval.requests producer.purgatory.purge.interval.requests"
                        + " delete.records.purgatory.purge.interval.requests"
                        + " share.fetch.purgatory.purge.interval.requests");
        pass("each directory of log.dirs has one thread that compacts", "log.cleaner.threads");
        pass("the journal schedules its own background work", """
                log.flush.offset.checkpoint.interval.ms
                log.flush.start.offset.checkpoint.interval.ms log.initial.task.delay.ms log.dir.failure.timeout.ms
                cordoned.log.dirs""");
        pass("elections are decided by the controller as soon as a broker leaves or returns", """
                unclean.leader.election.interval.ms
                controlled.shutdown.enable controlled.shutdown.max.retries controlled.shutdown.retry.backoff.ms""");
        pass("node.id is always given by the operator", "broker.id.generation.enable reserved.broker.max.id");
        pass(
                "connections are limited by max.connections and max.connections.per.ip only",
                "max.connections.per.ip.overrides max.connection.creation.rate");
        pass(
                "quotas do not exist in Troupe yet",
                "quota.window.num quota.window.size.seconds controller.quota.window.num"
                        + " controller.quota.window.size.seconds quota.producer.default quota.consumer.default");
        pass(
                "metrics are shown by JMX alone, always",
                "metric.reporters metrics.num.samples metrics.recording.level metrics.sample.window.ms"
                        + " auto.include.jmx.reporter kafka.metrics.polling.interval.secs kafka.metrics.reporters"
                        + " kafka.csv.metrics.reporter.enabled telemetry.max.bytes");
        pass("every fetch is answered in full, without sessions", "max.incremental.fetch.session.cache.slots");
        pass("requests are bounded by their size", "max.request.partition.size.limit");
        pass(
                "group coordinators need no such tuning",
                "group.coordinator.new.enable group.coordinator.append.linger.ms"
                        + " group.coordinator.cached.buffer.max.bytes group.coordinator.rebalance.protocols"
                        + " offsets.load.buffer.size offsets.commit.timeout.ms offsets.retention.check.interval.ms"
                        + " offsets.topic.compression.codec");
        pass("targets are made, and regular expressions resolved, as soon as something changes", """
                group.consumer.assignment.interval.ms group.consumer.max.assignment.interval.ms
                group.consumer.min.assignment.interval.ms group.consumer.regex.refresh.interval.ms""");
        pass("transactions do not exist in Troupe yet", """
                transaction.abort.timed.out.transaction.cleanup.interval.ms transaction.max.timeout.ms
                transaction.partition.verification.enable transaction.remove.expired.transaction.cleanup.interval.ms
                transaction.state.log.load.buffer.size transaction.state.log.min.isr
                transaction.state.log.num.partitions transaction.state.log.replication.factor
                transaction.state.log.segment.bytes transaction.two.phase.commit.enable
                transactional.id.expiration.ms add.partitions.to.txn.retry.backoff.ms
                add.partitions.to.txn.retry.backoff.max.ms""");
        pass("producer ids expire without a separate check", "producer.id.expiration.check.interval.ms");
        pass(
                "connections are not authenticated in Troupe yet",
                "connection.failed.authentication.delay.ms connections.max.reauth.ms");
    }

    /** Families of which no single name need be known. */
    private static final Map<String, String> PASSED_OVER_PREFIXES = new LinkedHashMap<>();

    static {
        PASSED_OVER_PREFIXES.put("zookeeper.", PASSED_OVER.get("zookeeper.connect"));
        PASSED_OVER_PREFIXES.put("group.share.", "share groups do not exist in Troupe");
        PASSED_OVER_PREFIXES.put("share.coordinator.", "share groups do not exist in Troupe");
        PASSED_OVER_PREFIXES.put(
                "group.streams.", "the streams group protocol does not exist in Troupe; the classic one serves");
        PASSED_OVER_PREFIXES.put(
                "remote.", "remote storage does not exist in Troupe; all segments are kept in log.dirs");
        PASSED_OVER_PREFIXES.put("rsm.config.", "remote storage does not exist in Troupe");
        PASSED_OVER_PREFIXES.put("rlmm.config.", "remote storage does not exist in Troupe");
        PASSED_OVER_PREFIXES.put("log.local.retention.", "remote storage does not exist in Troupe");
        PASSED_OVER_PREFIXES.put("follower.fetch.last.tiered.", "remote storage does not exist in Troupe");
        PASSED_OVER_PREFIXES.put("confluent.", "this key belongs to another vendor's broker");
    }

    private KafkaKeys() {}

    private static void pass(String sentence, String names) {
        for (String name : names.trim().split("\\s+")) {
            PASSED_OVER.put(name, sentence);
        }
    }

    /** The sentence for a key that is accepted without effect; empty when the key is none of those. */
    static Optional<String> passedOver(String key) {
        String sentence = PASSED_OVER.get(key);
        if (sentence == null) {
            for (Map.Entry<String, String> family : PASSED_OVER_PREFIXES.entrySet()) {
                if (key.startsWith(family.getKey())) {
                    return Optional.of(family.getValue());
                }
            }
        }
        return Optional.ofNullable(sentence);
    }

    /**
     * Why a key must not be passed over; empty when it may be, or is none of these. A value that switches the feature
     * off is harmless.
     */
    static Optional<String> unsafe(String key, String value) {
        String bare = key;
        if (key.startsWith("listener.name.")) {
            int dot = key.indexOf('.', "listener.name.".length());
            bare = dot < 0 ? key : key.substring(dot + 1);
        }
        if (value.isEmpty() || value.equalsIgnoreCase("false") || value.equalsIgnoreCase("none")) {
            return Optional.empty();
        }
        boolean security = (bare.startsWith("ssl.") || bare.startsWith("sasl.") || bare.contains(".sasl."))
                || bare.startsWith("delegation.token.")
                || bare.startsWith("password.encoder.");
        if (security) {
            return Optional.of("TLS and SASL are not supported yet, so this broker would not be protected as the key"
                    + " asks; remove it to start an unprotected broker");
        }
        return switch (bare) {
            case "security.inter.broker.protocol" ->
                value.equals("PLAINTEXT")
                        ? Optional.empty()
                        : Optional.of("must be PLAINTEXT; TLS and SASL between brokers are not supported yet");
            case "authorizer.class.name", "super.users", "principal.builder.class" ->
                Optional.of("authorization is not supported yet, so anyone could do anything; remove the key to"
                        + " start an unprotected broker");
            case "create.topic.policy.class.name", "alter.config.policy.class.name", "client.quota.callback.class" ->
                Optional.of("policies and quota callbacks are not supported, so nothing would be enforced; remove"
                        + " the key");
            case "security.providers" -> Optional.of("security providers are not supported; remove the key");
            case "config.providers" ->
                Optional.of("config providers are not supported; write the values themselves into the file");
            case "remote.log.storage.system.enable" ->
                Optional.of("must be false: Troupe has no remote storage, it would keep all data in log.dirs");
            default -> Optional.empty();
        };
    }

    /** Whether the key is one of those that {@link #unsafe} judges by value; with a harmless value it is passed over. */
    static boolean isSecurity(String key) {
        return unsafe(key, "x").isPresent() || key.equals("allow.everyone.if.no.acl.found");
    }
}
