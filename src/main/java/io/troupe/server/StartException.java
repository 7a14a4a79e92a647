package io.troupe.server;

/** Why a broker could not start, other than its configuration or its log dirs; the message is for the operator. */
public final class StartException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public StartException(String message, Throwable cause) {
        super(message, cause);
    }
}
