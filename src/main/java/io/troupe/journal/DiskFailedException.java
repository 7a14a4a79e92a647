package io.troupe.journal;

import java.io.IOException;

/** A write or fsync that failed: what is on the disk now is anybody's guess, and the log dir must go offline. */
final class DiskFailedException extends IOException {
    private static final long serialVersionUID = 1L;

    DiskFailedException(String what, IOException cause) {
        super(what + ": " + LogDir.reason(cause), cause);
    }
}
