package io.troupe.journal;

import com.typesafe.config.Config;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.persistence.SelectedSnapshot;
import org.apache.pekko.persistence.SnapshotMetadata;
import org.apache.pekko.persistence.SnapshotSelectionCriteria;
import org.apache.pekko.persistence.snapshot.japi.SnapshotStore;
import scala.concurrent.Future;

/** The Pekko Persistence snapshot store of the metadata voter: a thin actor over {@link MetadataSnapshots}. */
final class SnapshotPlugin extends SnapshotStore {
    private final MetadataSnapshots snapshots;

    /** Called by Pekko with the plugin's own settings. */
    SnapshotPlugin(Config config) {
        Journals journals = context()
                .system()
                .settings()
                .setup()
                .get(Journals.class)
                .orElseThrow(() -> new IllegalStateException(
                        "the actor system was started without Journals in its ActorSystemSetup"));
        snapshots = journals.metadataSnapshots();
    }

    @Override
    public Future<Optional<SelectedSnapshot>> doLoadAsync(String persistenceId, SnapshotSelectionCriteria criteria) {
        return done(() -> {
            MetadataSnapshots.Found found = snapshots.load(criteria.maxSequenceNr());
            if (found.value().isEmpty() && !found.damaged()) {
                return Optional.empty();
            }
            return Optional.of(SelectedSnapshot.create(
                    new SnapshotMetadata(persistenceId, found.sequenceNr(), 0),
                    new JournaledSnapshot(found.value().orElse(new byte[0]), found.damaged())));
        });
    }

    @Override
    public Future<Void> doSaveAsync(SnapshotMetadata metadata, Object snapshot) {
        return done(() -> {
            snapshots.save(metadata.sequenceNr(), ((JournaledSnapshot) snapshot).value());
            return null;
        });
    }

    @Override
    public Future<Void> doDeleteAsync(SnapshotMetadata metadata) {
        return done(() -> {
            snapshots.delete(metadata.sequenceNr(), metadata.sequenceNr());
            return null;
        });
    }

    @Override
    public Future<Void> doDeleteAsync(String persistenceId, SnapshotSelectionCriteria criteria) {
        return done(() -> {
            snapshots.delete(criteria.minSequenceNr(), criteria.maxSequenceNr());
            return null;
        });
    }

    private static <T> Future<T> done(Callable<T> work) {
        CompletableFuture<T> future = new CompletableFuture<>();
        try {
            future.complete(work.call());
        } catch (Exception e) {
            future.completeExceptionally(e);
        }
        return scala.jdk.javaapi.FutureConverters.asScala(future);
    }
}
