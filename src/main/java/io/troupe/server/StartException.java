package io.troupe.server;

/** Why a broker could not start, other than its configuration or its log dirs; the message is for the operator. */
public final class StartException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int exitCode;

    public StartException(String message, Throwable cause) {
        this(message, cause, Main.EXIT_REFUSED);
    }

    StartException(String message, Throwable cause, int exitCode) {
        super(message, cause);
        this.exitCode = exitCode;
    }

    /** With which the process is to end. */
    int exitCode() {
        return exitCode;
    }
}
