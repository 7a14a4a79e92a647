package io.troupe.journal;

import java.io.IOException;

/** A segment holds something else than was written into it; says where and what. */
final class CorruptSegmentException extends IOException {
    private static final long serialVersionUID = 1;

    CorruptSegmentException(Segment segment, long position, String problem) {
        super("%s is corrupt at position %d: %s".formatted(segment.path(), position, problem));
    }
}
