package io.troupe.journal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.troupe.config.BrokerConfig;
import io.troupe.model.ReplicaId;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.setup.Setup;

/**
 * All log dirs of one broker: opened and locked before the actor system starts, handed to it as a {@link Setup}, closed
 * after it has stopped. One journal plugin instance (config path) stands for each log dir, and one for the metadata
 * voter's directory.
 */
public final class Journals extends Setup implements AutoCloseable {

    private Journals() {}

    /**
     * Locks and reads every log dir.
     *
     * @throws LogDirException when a directory is in use by another process, belongs to another broker or cluster, or
     *     cannot be written; the message names the path and the reason
     */
    public static Journals open(BrokerConfig config) {
        return new Journals();
    }

    /** The cluster id that the log dirs carry, null when they are new. */
    public String clusterId() {
        return null;
    }

    /** Stamps the cluster id into every log dir; refused when one carries another. */
    public void setClusterId(String clusterId) {}

    /** Whether every log dir was closed in order by the last process. */
    public boolean cleanShutdown() {
        return false;
    }

    /** Settings that put one plugin per log dir into an actor system's configuration. */
    public Config pluginConfig() {
        return ConfigFactory.empty();
    }

    /** The plugin (config path) where a partition lives, or, for a new one, is to live: the dir with the fewest. */
    public String pluginFor(TopicIdPartition partition) {
        return "";
    }

    /** The plugin of the metadata voter's journal: every write fsynced, replayed as {@link JournaledRecord}s. */
    public String metadataPlugin() {
        return "";
    }

    /** The journal actor behind a plugin id, for {@link JournalCommand}s. */
    public static ActorRef journalFor(ActorSystem system, String pluginId) {
        throw new IllegalStateException(system + pluginId);
    }

    /** The persistence id of a replica's log. */
    public static String persistenceId(ReplicaId replica) {
        return "replica-" + replica.entityId();
    }

    @Override
    public void close() {}
}
