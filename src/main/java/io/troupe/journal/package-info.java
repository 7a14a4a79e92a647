/**
 * The journal that is the log: segment files of record batches, a LevelDB index that can be derived again, and the Pekko
 * Persistence plugin over both. Entry: {@link io.troupe.journal.Journals} and {@link io.troupe.journal.JournalCommand}.
 * Compaction is {@link io.troupe.journal.LogCleaner}'s.
 * Must not know metadata, leaders or clients.
 */
package io.troupe.journal;
