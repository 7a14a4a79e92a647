package io.troupe.journal;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.fusesource.leveldbjni.JniDBFactory;
import org.fusesource.leveldbjni.internal.NativeDB;
import org.iq80.leveldb.DB;
import org.iq80.leveldb.DBException;
import org.iq80.leveldb.Options;
import org.iq80.leveldb.WriteBatch;
import org.iq80.leveldb.WriteOptions;
import org.iq80.leveldb.impl.Iq80DBFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which LevelDB serves: the native one, or where its library does not load (arm64) the one in Java. Both read the other's
 * files. The one in Java is known to let a deleted key come back after a compaction, so nothing may rest on a deletion: a
 * segment's summary is compared with the file, a {@link ProducerSnapshot} with the batch before it. {@code -Dtroupe.leveldb=java} or {@code =native} decides by hand.
 */
final class LevelDb {
    static final String CHOICE = "troupe.leveldb";

    private static final Logger LOG = LoggerFactory.getLogger(LevelDb.class);

    private LevelDb() {}

    static DB open(File dir, Options options) throws IOException {
        String choice = System.getProperty(CHOICE, "");
        if (choice.equals("java")) {
            return inJava(dir, options);
        }
        try {
            return Native.open(dir, options);
        } catch (LinkageError e) {
            String system = System.getProperty("os.name") + "/" + System.getProperty("os.arch");
            if (choice.equals("native")) {
                throw new IOException("LevelDB's native library does not load on " + system + ": " + e.getMessage(), e);
            }
            LOG.info("LevelDB's native library does not load on {}; the one in Java takes its place.", system);
            return inJava(dir, options);
        }
    }

    private static DB inJava(File dir, Options options) throws IOException {
        return Iq80DBFactory.factory.open(dir, options);
    }

    /**
     * Its loader unpacks the library into a file and deletes that at an orderly exit, so each killed process would leave a
     * megabyte behind. Here it unpacks into a directory of its own, which is deleted as soon as the library is loaded; where
     * the system keeps an open file from deletion, the loader's own way is what remains.
     */
    private static final class Native {
        private static final String UNPACK_TO = "library.leveldbjni.path";

        /** Whether the library was handed one of each structure. */
        private static boolean known;

        static {
            Path unpacked = System.getProperty(UNPACK_TO) == null ? temporaryDirectory() : null;
            try {
                NativeDB.LIBRARY.load();
            } finally {
                if (unpacked != null) {
                    System.clearProperty(UNPACK_TO);
                    delete(unpacked);
                }
            }
        }

        private static void delete(Path directory) {
            try {
                Directories.deleteRecursively(directory);
            } catch (IOException e) {
                LOG.debug("LevelDB's native library stays in {} until the process ends", directory, e);
            }
        }

        private static Path temporaryDirectory() {
            try {
                Path directory = Files.createTempDirectory(
                        "troupe-leveldb-" + ProcessHandle.current().pid() + "-");
                System.setProperty(UNPACK_TO, directory.toString());
                return directory;
            } catch (IOException e) {
                LOG.debug("No directory of its own for LevelDB's native library", e);
                return null;
            }
        }

        /**
         * The library looks up the fields of a structure when it is first handed one, by way of variables that all threads share: a thread that
         * does so at the same time as another may use a reference of that one's that is no more, and ends the process. So nobody has a store before
         * one thread alone has handed over one of each.
         */
        static synchronized DB open(File dir, Options options) throws IOException {
            DB db = JniDBFactory.factory.open(dir, options);
            if (!known) {
                handOver(db);
                known = true;
            }
            return db;
        }

        private static void handOver(DB db) throws IOException {
            try {
                db.get(new byte[] {0});
            } catch (DBException e) {
                LOG.debug("The index is damaged", e);
            }
            try (WriteBatch nothing = db.createWriteBatch()) {
                db.write(nothing, new WriteOptions());
            } catch (DBException e) {
                LOG.debug("The index cannot be written", e);
            }
        }
    }
}
