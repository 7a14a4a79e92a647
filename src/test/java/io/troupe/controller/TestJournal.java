package io.troupe.controller;

import io.troupe.journal.JournaledRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.apache.pekko.dispatch.Futures;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.PersistentRepr;
import org.apache.pekko.persistence.journal.japi.AsyncWriteJournal;
import scala.concurrent.Future;

/** A journal in memory that outlives actor systems, as a disk does: two brokers after each other find the same log. */
public final class TestJournal extends AsyncWriteJournal {
    /** By the name that the plugin's configuration gives, so that tests do not share disks. */
    private static final Map<String, List<byte[]>> DISKS = new ConcurrentHashMap<>();

    private final List<byte[]> disk;

    public TestJournal(com.typesafe.config.Config config) {
        disk = DISKS.computeIfAbsent(config.getString("disk"), name -> new ArrayList<>());
    }

    @Override
    public Future<Iterable<Optional<Exception>>> doAsyncWriteMessages(Iterable<AtomicWrite> messages) {
        List<Optional<Exception>> results = new ArrayList<>();
        for (AtomicWrite write : messages) {
            scala.jdk.javaapi.CollectionConverters.asJava(write.payload())
                    .forEach(repr -> disk.add(((JournaledRecord) repr.payload()).value()));
            results.add(Optional.empty());
        }
        return Futures.successful(results);
    }

    @Override
    public Future<Void> doAsyncDeleteMessagesTo(String persistenceId, long toSequenceNr) {
        return Futures.failed(new UnsupportedOperationException());
    }

    @Override
    public Future<Void> doAsyncReplayMessages(
            String persistenceId, long from, long to, long max, Consumer<PersistentRepr> replay) {
        for (long seq = from; seq <= Math.min(to, disk.size()); seq++) {
            replay.accept(PersistentRepr.apply(
                    new JournaledRecord(disk.get((int) seq - 1)),
                    seq,
                    persistenceId,
                    "",
                    false,
                    org.apache.pekko.actor.ActorRef.noSender(),
                    ""));
        }
        return Futures.successful(null);
    }

    @Override
    public Future<Long> doAsyncReadHighestSequenceNr(String persistenceId, long from) {
        return Futures.successful((long) disk.size());
    }
}
