package io.troupe.journal;

import java.io.IOException;

/** A log holds something that is not what was written there; the message says in which file, where, and what to do. */
public final class CorruptLogException extends IOException {
    private static final long serialVersionUID = 1;

    CorruptLogException(String message) {
        super(message);
    }
}
