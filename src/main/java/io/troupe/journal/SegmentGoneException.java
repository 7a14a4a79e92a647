package io.troupe.journal;

import java.io.IOException;
import java.nio.file.Path;

/** A segment takes no new reads: its log was closed, or it was deleted. */
final class SegmentGoneException extends IOException {
    private static final long serialVersionUID = 1L;

    SegmentGoneException(Path path) {
        super(path + " is closed or deleted");
    }
}
