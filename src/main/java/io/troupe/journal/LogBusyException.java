package io.troupe.journal;

import java.io.IOException;

/** A log cannot be opened yet: its directory is that of a deleted topic of the same name, which is still being closed. */
final class LogBusyException extends IOException {
    private static final long serialVersionUID = 1L;

    LogBusyException(String message) {
        super(message);
    }
}
