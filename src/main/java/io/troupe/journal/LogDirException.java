package io.troupe.journal;

/** A log dir that a broker cannot use; the message names the path, what is wrong and what to do. */
public final class LogDirException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public LogDirException(String message, Throwable cause) {
        super(message, cause);
    }
}
